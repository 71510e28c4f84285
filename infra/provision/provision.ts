import { type Target, TargetError } from './target.ts'

export interface ProvisionOptions {
  targets: readonly Target[]
  log: (line: string) => void
  /** Resolves after so many milliseconds, or at once when it is aborted. */
  pause: (ms: number, signal: AbortSignal) => Promise<void>
  now: () => number
  /** A server that is away for longer is set aside: it is tried on, and nobody waits for it. */
  patience_ms: number
  signal: AbortSignal
}

export interface Provision {
  /** What became of each target, once all of them are applied or set aside. */
  settled: Promise<Readonly<Record<string, 'applied' | 'set aside'>>>
  /** When no target has anything more to do, or all was aborted. */
  finished: Promise<void>
}

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 15_000

/** Applies all targets side by side; none of them waits for another. */
export function provision(options: ProvisionOptions): Provision {
  const runs = options.targets.map((target) => ({ target, ...run(target, options) }))
  return {
    settled: Promise.all(runs.map(async ({ target, settled }) => [target.name, await settled] as const)).then(
      Object.fromEntries,
    ),
    finished: Promise.all(runs.map(({ finished }) => finished)).then(() => undefined),
  }
}

function run(target: Target, options: ProvisionOptions) {
  const { promise: settled, resolve: settle } = Promise.withResolvers<'applied' | 'set aside'>()
  return { settled, finished: follow(target, options, settle) }
}

async function follow(
  target: Target,
  { log, pause, now, patience_ms, signal }: ProvisionOptions,
  settle: (outcome: 'applied' | 'set aside') => void,
): Promise<void> {
  const began = now()
  let pause_ms = FIRST_PAUSE_MS
  let told: string | undefined
  const tell = (line: string) => {
    if (line !== told) log(`${target.name}: ${line}`)
    told = line
  }
  while (!signal.aborted) {
    try {
      tell(await target.apply(signal))
      settle('applied')
      if (target.again_every_ms === undefined) return
      pause_ms = target.again_every_ms
    } catch (error) {
      if (signal.aborted) break
      const refused = !(error instanceof TargetError) || error.kind === 'refused'
      tell(`${error instanceof Error ? error.message : String(error)}; it is tried again`)
      if (refused || now() - began >= patience_ms) settle('set aside')
      pause_ms = Math.min(pause_ms * 2, LONGEST_PAUSE_MS)
    }
    await pause(pause_ms, signal)
  }
  settle('set aside')
}

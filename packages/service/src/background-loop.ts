import { isPassing, type Logger } from './log.ts'

export interface LoopOptions {
  name: string
  log: Logger
  /** Pause after a turn; the turn may answer another one. */
  pause_ms: number
  /** The first pause after a failure; doubles up to `longest_pause_ms`. */
  backoff_ms?: number
  longest_pause_ms?: number
  failed?: (error: unknown) => void
}

export interface BackgroundLoop {
  /** Ends the pause that is under way. */
  wake(): void
  /** Resolves when the turn that is under way has ended. */
  stop(): Promise<void>
}

/** Takes turns until it is stopped. A turn that throws is logged and taken again after a growing pause with jitter. */
export function backgroundLoop(
  turn: (signal: AbortSignal) => Promise<number | undefined>,
  options: LoopOptions,
): BackgroundLoop {
  const { backoff_ms = 100, longest_pause_ms = 10_000 } = options
  const stopped = new AbortController()
  let wake = () => {}
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const done = (async () => {
    let failures = 0
    while (!stopped.signal.aborted) {
      let ms = options.pause_ms
      try {
        const asked = await turn(stopped.signal)
        if (typeof asked === 'number') ms = asked
        failures = 0
      } catch (error) {
        if (stopped.signal.aborted) return
        ms = Math.min(longest_pause_ms, backoff_ms * 2 ** failures++) * (0.5 + Math.random() / 2)
        options.failed?.(error)
        tell(options, error, Math.round(ms))
      }
      if (!stopped.signal.aborted && ms > 0) await pause(ms)
    }
  })()
  return {
    wake: () => wake(),
    async stop() {
      stopped.abort()
      wake()
      await done
    },
  }
}

/** What says that it passes by itself (a server that is away) needs nobody, and no stack. */
function tell({ log, name: loop }: LoopOptions, error: unknown, again_in_ms: number): void {
  if (isPassing(error))
    log.warn({ loop, reason: error.message, again_in_ms }, 'a turn failed for now and is taken again')
  else log.error({ loop, err: error, again_in_ms }, 'a turn failed and is taken again')
}

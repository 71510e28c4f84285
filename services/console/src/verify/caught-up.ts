import { isSettled, type LakeStatus } from '../status.ts'

export interface CaughtUpParts {
  status(): Promise<Omit<LakeStatus, 'caught_up'>>
  now(): number
  sleep(ms: number): Promise<void>
}

const WAIT_MS = 60_000
/** A store that cannot be asked is given this long to come back; then verify says what it is about. */
const FAILING_WAIT_MS = 3_000
const PAUSE_MS = 50

/** Waits until all that was acknowledged before is where it can get; after the time limit verify says what is missing. */
export async function caughtUp({ status, now, sleep }: CaughtUpParts): Promise<void> {
  const until = now() + WAIT_MS
  let failing_since: number | undefined
  for (let asked = now(); asked < until; asked = now()) {
    const at = await status()
    if (isSettled(at)) return
    const others = at.sinks.filter(({ state }) => state !== 'failing')
    if (isSettled({ ...at, sinks: others })) {
      failing_since ??= asked
      if (now() - failing_since >= FAILING_WAIT_MS) return
    } else failing_since = undefined
    await sleep(PAUSE_MS)
  }
}

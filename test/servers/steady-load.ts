import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '../pipeline/client.ts'

export interface LoadedEvent {
  type: string
  event_id: string
}

/** A request that was refused; it is sent again until it is accepted. */
export interface RefusedPost {
  at_ms: number
  status: number
  retry_after: string | null
}

const PAUSE_MS = 200
const AGAIN_AFTER_MS = 250

/**
 * Posts batches one after the other until it is stopped; what is refused is sent again with the same ids, so that in the
 * end each event of `sent` is acknowledged.
 */
export class SteadyLoad {
  readonly sent: LoadedEvent[] = []
  readonly refused: RefusedPost[] = []
  readonly #client: Client
  readonly #batch: (number: number) => LoadedEvent[]
  /** When each batch was acknowledged. */
  readonly #acknowledged_ms: number[] = []
  #stopping = false
  readonly #done: Promise<void>

  constructor(client: Client, batch: (number: number) => LoadedEvent[]) {
    this.#client = client
    this.#batch = batch
    this.#done = this.#run()
    // Whoever stops it hears of it.
    this.#done.catch(() => undefined)
  }

  /** Ends when what is under way is acknowledged. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#done
  }

  /** When batches were acknowledged, in order. */
  get acknowledged_ms(): readonly number[] {
    return this.#acknowledged_ms
  }

  async #run(): Promise<void> {
    for (let number = 0; !this.#stopping; number++) {
      const events = this.#batch(number)
      await this.#post(events)
      this.sent.push(...events)
      await sleep(PAUSE_MS)
    }
  }

  async #post(events: readonly LoadedEvent[]): Promise<void> {
    for (;;) {
      const { status, headers, accepted } = await this.#client.post(events)
      if (status === 202 && accepted === events.length) {
        this.#acknowledged_ms.push(performance.now())
        return
      }
      this.refused.push({ at_ms: performance.now(), status, retry_after: headers.get('retry-after') })
      await sleep(AGAIN_AFTER_MS)
    }
  }
}

/** The longest time without any of these instants between `from` and `to`. */
export function longestGap(instants_ms: readonly number[], from: number, to: number): number {
  const within = instants_ms.filter((at) => at > from && at < to)
  return [...within, to].reduce(({ longest, last }, at) => ({ longest: Math.max(longest, at - last), last: at }), {
    longest: 0,
    last: from,
  }).longest
}

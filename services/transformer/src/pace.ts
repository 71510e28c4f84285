import type { PollLimits } from '@sluice/event-log'

export interface PaceLimits {
  /** At most this long from receipt to visible, where the machine keeps up. */
  freshness_ms: number
  /** How long a poll waits for the first record. */
  max_wait_ms: number
  /** While idle, how often to look for decisions of other workers and for plans left unapplied. */
  look_every_ms: number
}

/**
 * When to cut a micro-batch: at once after a pause, else after the freshness that is wanted less the time that a
 * commit takes (a moving average), so that a steady stream makes few, larger commits. Where commits take longer than
 * that, cutting without a pause would make more of them, and all slower still: then it gathers for as long as one takes,
 * up to the freshness.
 */
export class Pace {
  readonly #limits: PaceLimits
  readonly #now: () => number
  #commit_ms = 0
  #last_batch_ms = Number.NEGATIVE_INFINITY

  constructor(limits: PaceLimits, now: () => number) {
    this.#limits = limits
    this.#now = now
  }

  next(): Pick<PollLimits, 'max_wait_ms' | 'linger_ms'> {
    const { freshness_ms, max_wait_ms } = this.#limits
    const idle = this.#now() - this.#last_batch_ms > freshness_ms
    const rest_ms = Math.min(this.#commit_ms, freshness_ms)
    const linger_ms = idle ? 0 : Math.max(rest_ms, freshness_ms - this.#commit_ms)
    return { max_wait_ms, linger_ms }
  }

  polled(records: number): void {
    if (records > 0) this.#last_batch_ms = this.#now()
  }

  settled(took_ms: number): void {
    this.#commit_ms = this.#commit_ms === 0 ? took_ms : this.#commit_ms * 0.8 + took_ms * 0.2
    this.#last_batch_ms = this.#now()
  }
}

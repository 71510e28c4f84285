import type { ObjectStore } from '@sluice/object-store'

const REMEMBERED_MS = 60_000

/**
 * How far the store's clock is from ours. Leases are times of change at the store, so that processes whose clocks differ
 * judge them alike. Exact to about a second, which is what S3 tells of times.
 */
export class StoreClock {
  readonly #store: ObjectStore
  readonly #key: string
  readonly #now: () => number
  #known: { ahead_ms: number; at_ms: number } | undefined

  constructor(store: ObjectStore, key: string, now: () => number) {
    this.#store = store
    this.#key = key
    this.#now = now
  }

  /** A time of the store, by our clock. */
  async toOurs(store_ms: number): Promise<number> {
    if (!this.#known || performance.now() - this.#known.at_ms > REMEMBERED_MS) {
      await this.#store.put(this.#key, Buffer.from(String(this.#now())))
      const ours_ms = this.#now()
      const info = await this.#store.head(this.#key)
      this.#known = { ahead_ms: (info?.modified_at_ms ?? ours_ms) - ours_ms, at_ms: performance.now() }
    }
    return store_ms - this.#known.ahead_ms
  }
}

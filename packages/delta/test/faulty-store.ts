import type { DeltaStore, StoredObject } from '../src/store.ts'
import { MemoryStore } from './memory-store.ts'

export class StoreFault extends Error {}

/** How often, of one, an operation goes wrong in each way. */
export interface FaultRates {
  /** Nothing was done. */
  fails: number
  /** It was done, and the answer is lost. */
  unanswered: number
  /** A listing is that of an earlier moment. */
  late: number
}

const NONE: FaultRates = { fails: 0, unanswered: 0, late: 0 }
/** A late listing is at most this many writes and this long old. */
const MOST_LATE = 6
const MOST_LATE_MS = 60_000

/**
 * A store that fails, times out after success, is slow and lists late. `turn` is awaited before and after each
 * operation, so that whoever schedules it decides the interleaving.
 */
export class FaultyStore implements DeltaStore {
  readonly inner = new MemoryStore()
  rates: FaultRates = NONE
  readonly #random: () => number
  readonly #turn: (label: string) => Promise<void>
  readonly #clock: { now_ms: number }
  readonly #past: { at_ms: number; objects: MemoryStore['objects'] }[] = []

  constructor(random: () => number, clock: { now_ms: number }, turn: (label: string) => Promise<void>) {
    this.#random = random
    this.#clock = clock
    this.#turn = turn
  }

  get(key: string, range?: { start: number; end: number }): Promise<Uint8Array | undefined> {
    return this.#doing(`get ${key}`, () => this.inner.get(key, range))
  }

  head(key: string): Promise<StoredObject | undefined> {
    return this.#doing(`head ${key}`, () => this.inner.head(key))
  }

  put(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
    return this.#doing(`put ${key}`, () => this.#writing(this.inner.put(key, bytes)))
  }

  putIfAbsent(key: string, bytes: Uint8Array): Promise<{ kind: 'created'; etag: string } | { kind: 'exists' }> {
    return this.#doing(`put if absent ${key}`, () => this.#writing(this.inner.putIfAbsent(key, bytes)))
  }

  replaceIfMatch(key: string, bytes: Uint8Array, etag: string): Promise<{ etag: string } | undefined> {
    return this.#doing(`replace ${key}`, () => this.#writing(this.inner.replaceIfMatch(key, bytes, etag)))
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#doing(`delete ${keys.length}`, () => this.#writing(this.inner.delete(keys)))
  }

  async *list(prefix: string, options?: { start_after?: string; limit?: number }): AsyncGenerator<StoredObject> {
    const shown = new MemoryStore()
    shown.objects = await this.#doing(`list ${prefix}`, async () => {
      const recent = this.#past.filter(({ at_ms }) => at_ms > this.#clock.now_ms - MOST_LATE_MS)
      const past = this.#random() < this.rates.late ? recent[Math.floor(this.#random() * recent.length)] : undefined
      return past?.objects ?? new Map(this.inner.objects)
    })
    yield* shown.list(prefix, options)
  }

  async #doing<T>(label: string, work: () => Promise<T>): Promise<T> {
    await this.#turn(label)
    const fate = this.#random()
    if (fate < this.rates.fails) throw new StoreFault(`${label}: refused`)
    const result = await work()
    await this.#turn(`${label}: answered`)
    if (fate > 1 - this.rates.unanswered) throw new StoreFault(`${label}: timed out`)
    return result
  }

  #writing<T>(work: Promise<T>): Promise<T> {
    this.#past.push({ at_ms: this.#clock.now_ms, objects: new Map(this.inner.objects) })
    if (this.#past.length > MOST_LATE) this.#past.shift()
    return work
  }
}

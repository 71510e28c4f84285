import { randomUUID } from 'node:crypto'
import type { ObjectStore } from '@sluice/object-store'
import { RawZoneError } from '../raw-zone.ts'
import { type IncarnationRecord, parseRecord, publishedTo, recordBytes } from './incarnation-record.ts'
import type { ObjectKeys } from './object-keys.ts'

export interface TenureParts {
  store: ObjectStore
  keys: ObjectKeys
  lease_ms: number
  /** Changes are written at most this late. */
  write_behind_ms: number
  /** The log that batches are published to. */
  log: string | undefined
}

/** Renewals in the time of one lease. */
const RENEWALS = 3

/**
 * Owning an incarnation: its record is renewed as long as we live, each time by compare-and-set. Once another process
 * has written it, we own it no more, for good.
 */
export class Tenure {
  readonly incarnation: string
  readonly #parts: TenureParts
  readonly #key: string
  readonly #renewal: NodeJS.Timeout
  #record: IncarnationRecord
  #written_head: number
  #etag: string
  #writing: Promise<void> | undefined
  #later: NodeJS.Timeout | undefined
  #state: 'held' | 'lost' | 'ended' = 'held'

  /** A new incarnation; `undefined` if there is one of this name. */
  static async begin(parts: TenureParts, incarnation: string): Promise<Tenure | undefined> {
    const record: IncarnationRecord = {
      owner: randomUUID(),
      published: 0,
      ...named(parts.log),
      head: 0,
      lines: 0,
      closed: false,
      released: false,
      lease_ms: parts.lease_ms,
      write: 1,
    }
    const outcome = await parts.store.putIfAbsent(parts.keys.liveOf(incarnation), recordBytes(record))
    return outcome.kind === 'created' ? new Tenure(parts, incarnation, record, outcome.etag) : undefined
  }

  /** Another's incarnation; `undefined` if it is finished, `mayTake` says no, or another process was quicker. */
  static async take(
    parts: TenureParts,
    incarnation: string,
    mayTake: (record: IncarnationRecord, modified_at_ms: number) => boolean | Promise<boolean>,
  ): Promise<Tenure | undefined> {
    const key = parts.keys.liveOf(incarnation)
    // The ETag first: bytes that are newer than it make the compare-and-set fail.
    const info = await parts.store.head(key)
    const bytes = info && (await parts.store.get(key))
    if (!bytes) return undefined
    const found = parseRecord(key, bytes)
    if (!(await mayTake(found, info.modified_at_ms))) return undefined
    const record = {
      ...found,
      published: publishedTo(found, parts.log),
      ...named(parts.log),
      owner: randomUUID(),
      released: false,
      lease_ms: parts.lease_ms,
      write: found.write + 1,
    }
    const replaced = await parts.store.replaceIfMatch(key, recordBytes(record), info.etag)
    return replaced && new Tenure(parts, incarnation, record, replaced.etag)
  }

  private constructor(parts: TenureParts, incarnation: string, record: IncarnationRecord, etag: string) {
    this.incarnation = incarnation
    this.#parts = parts
    this.#key = parts.keys.liveOf(incarnation)
    this.#record = record
    this.#written_head = record.head
    this.#etag = etag
    this.#renewal = setInterval(() => this.#writeInBackground(), parts.lease_ms / RENEWALS).unref()
  }

  get record(): Readonly<IncarnationRecord> {
    return this.#record
  }

  /** The head that the store knows of. */
  get written_head(): number {
    return this.#written_head
  }

  /** Ours, as far as we know. */
  get held(): boolean {
    return this.#state === 'held'
  }

  /** Throws `fenced` if another process took it over. */
  check(): void {
    if (this.#state === 'lost')
      throw new RawZoneError('fenced', `raw incarnation ${this.incarnation} was taken over by another process`)
  }

  /** Written behind. */
  change(change: Partial<IncarnationRecord>): void {
    this.#record = { ...this.#record, ...change }
    this.#later ??= setTimeout(() => this.#writeInBackground(), this.#parts.write_behind_ms).unref()
  }

  /** Resolves when all changes made before the call are in the store. Throws `fenced`. */
  async write(change: Partial<IncarnationRecord> = {}): Promise<void> {
    this.#record = { ...this.#record, ...change }
    while (this.#writing) await this.#writing.catch(() => undefined)
    this.check()
    if (this.#state === 'ended') return
    this.#writing = this.#replace().finally(() => {
      this.#writing = undefined
    })
    await this.#writing
  }

  /** Lets another process take it over at once; where that cannot be said to the store, when the lease has run out. */
  async release(): Promise<void> {
    this.#stopTimers()
    try {
      if (this.#state === 'held') await this.write({ released: true })
    } finally {
      if (this.#state === 'held') this.#state = 'ended'
      this.#stopTimers()
    }
  }

  /** Removes it from the incarnations that are to be taken care of. Throws `fenced`. */
  async end(change: Partial<IncarnationRecord>): Promise<void> {
    this.#stopTimers()
    await this.write(change)
    const { store, keys } = this.#parts
    const { head, lines } = this.#record
    if (head > 0)
      await store.putIfAbsent(keys.finishedOf({ incarnation: this.incarnation, head, lines }), new Uint8Array())
    // Last: one that could not be removed can still be given up.
    await store.delete([this.#key])
    this.#state = 'ended'
  }

  async #replace(): Promise<void> {
    clearTimeout(this.#later)
    this.#later = undefined
    this.#record = { ...this.#record, write: this.#record.write + 1 }
    const { store } = this.#parts
    const { head } = this.#record
    const bytes = recordBytes(this.#record)
    let replaced = await store.replaceIfMatch(this.#key, bytes, this.#etag)
    // A write that seemed to fail may have come through after all.
    const etag = replaced ? undefined : await this.#etagIfOurs()
    if (etag !== undefined) replaced = await store.replaceIfMatch(this.#key, bytes, etag)
    if (!replaced) {
      this.#state = 'lost'
      this.#stopTimers()
      return this.check()
    }
    this.#etag = replaced.etag
    this.#written_head = head
  }

  async #etagIfOurs(): Promise<string | undefined> {
    const { store } = this.#parts
    const info = await store.head(this.#key)
    const bytes = info && (await store.get(this.#key))
    return bytes && parseRecord(this.#key, bytes).owner === this.#record.owner ? info.etag : undefined
  }

  #writeInBackground(): void {
    // A store that is away is noticed by the next append; what was lost is told by `check`. The next renewal tries again.
    this.write().catch(() => undefined)
  }

  #stopTimers(): void {
    clearInterval(this.#renewal)
    clearTimeout(this.#later)
    this.#later = undefined
  }
}

const named = (log: string | undefined) => (log === undefined ? {} : { log })

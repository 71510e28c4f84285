import type { ObjectStore } from '@sluice/object-store'
import type { BatchRange } from '../raw-zone.ts'
import type { ObjectKeys } from './object-keys.ts'
import { INDEX_LIMIT_BYTES, type PackIndex, readPackIndex } from './pack-file.ts'

export interface Pack {
  key: string
  size: number
  first: number
  last: number
}

const INDEXES_KEPT = 200

/** Reads packs, which are immutable: what is known of one stays true. */
export class Packs {
  readonly #store: ObjectStore
  readonly #keys: ObjectKeys
  /** By key, the least recently used first. */
  readonly #indexes = new Map<string, PackIndex>()

  constructor(store: ObjectStore, keys: ObjectKeys) {
    this.#store = store
    this.#keys = keys
  }

  /** The packs of an incarnation from this batch on, each following the one before; two processes may have packed the same batches. */
  async from(incarnation: string, number: number): Promise<Pack[]> {
    const by_first = new Map<number, Pack>()
    const start_after = this.#keys.beforePackOf(incarnation, number)
    for await (const { key, size } of this.#store.list(this.#keys.packs(incarnation), { start_after })) {
      const range = this.#keys.parsePack(key)
      // The listing ascends by the last number, so the longest stays.
      if (range) by_first.set(range.first, { key, size, ...range })
    }
    const packs: Pack[] = []
    for (let pack = by_first.get(number); pack; pack = by_first.get(pack.last + 1)) packs.push(pack)
    return packs
  }

  /**
   * The objects of batches that follow one another in a pack, from this one on: as many as have `limit_bytes` together, at
   * least one. `undefined` if no pack has it.
   */
  async run(
    incarnation: string,
    { from, to }: BatchRange,
    limit_bytes: number,
  ): Promise<{ key: string; objects: Uint8Array[] } | undefined> {
    const start_after = this.#keys.beforePackOf(incarnation, from)
    for await (const { key, size } of this.#store.list(this.#keys.packs(incarnation), { start_after, limit: 3 })) {
      const range = this.#keys.parsePack(key)
      if (!range || range.first > from) continue
      const { places } = await this.#index(key, size)
      const wanted = places.slice(from - range.first, to - range.first + 1)
      const [first] = wanted
      if (!first) continue
      const run = wanted.filter((place, i) => i === 0 || place.start + place.size - first.start <= limit_bytes)
      const last = run.at(-1) ?? first
      const bytes = await this.#store.get(key, { start: first.start, end: last.start + last.size - 1 })
      if (!bytes) continue
      const objects = run.map(({ start, size }) => bytes.subarray(start - first.start, start - first.start + size))
      return { key, objects }
    }
    return undefined
  }

  async #index(key: string, size: number): Promise<PackIndex> {
    const known = this.#indexes.get(key)
    if (known) this.#indexes.delete(key)
    const end = known ? undefined : await this.#store.get(key, { start: Math.max(0, size - INDEX_LIMIT_BYTES) })
    const index = known ?? readPackIndex(key, end ?? new Uint8Array(), size)
    this.#indexes.set(key, index)
    const [oldest] = this.#indexes.keys()
    if (this.#indexes.size > INDEXES_KEPT && oldest !== undefined) this.#indexes.delete(oldest)
    return index
  }
}

import type { ObjectStore } from '@sluice/object-store'
import { RawZoneError } from '../raw-zone.ts'
import { readTrailer } from './batch-object.ts'
import type { ObjectKeys } from './object-keys.ts'
import { PACK_LIMIT_BATCHES, packOf } from './pack-file.ts'
import type { Packs } from './packs.ts'

interface Waiting {
  number: number
  /** About how many bytes. */
  size: number
  /** Left out where memory is short: it is read back. */
  object: Uint8Array | undefined
}

export interface PackerParts {
  store: ObjectStore
  keys: ObjectKeys
  packs: Packs
  pack_bytes: number
  /** Told each time that batches stay unpacked, or objects that are in a pack stay undeleted. */
  packing_failed?: (error: unknown, incarnation: string) => void
}

/** The object of an empty batch is certainly not larger. */
const EMPTY_LIMIT_BYTES = 100
const READS_AT_ONCE = 16
/** Objects kept in memory to be packed, in packs. */
const KEPT_PACKS = 2

/**
 * Gathers the batches of one incarnation into packs, so that raw history is some large objects and not millions of
 * small ones. The pack comes first, then its batches' own objects are deleted: a batch is always in one or the other.
 * Empty batches keep their object for ever: it keeps a late write from taking the number.
 */
export class Packer {
  readonly #incarnation: string
  readonly #parts: PackerParts
  #waiting: Waiting[] = []
  #waiting_bytes = 0
  #kept_bytes = 0
  #running: Promise<void> = Promise.resolve()
  #busy = false

  constructor(incarnation: string, parts: PackerParts) {
    this.#incarnation = incarnation
    this.#parts = parts
  }

  /** A durable batch, in the order of their numbers. */
  add(batch: { number: number; size: number; object?: Uint8Array }): void {
    const keeps = batch.object && this.#kept_bytes < this.#parts.pack_bytes * KEPT_PACKS
    this.#waiting.push({ ...batch, object: keeps ? batch.object : undefined })
    this.#waiting_bytes += batch.size
    if (keeps) this.#kept_bytes += batch.size
  }

  /** Packs in the background if there is enough for a pack among the batches up to this number. */
  packUpTo(settled: number): void {
    if (this.#busy || !this.#isEnough()) return
    this.#busy = true
    this.#running = this.#packNext(settled)
      // Nothing is lost by it: the batches stay where they are, and the next batch tries again.
      .catch((error: unknown) => this.failed(error))
      .finally(() => {
        this.#busy = false
      })
  }

  /**
   * Packs what an incarnation that has ended at this head left, and deletes objects that are in a pack too, as a crash
   * between packing and deleting leaves them.
   */
  async packLeft(head: number): Promise<void> {
    await this.#running
    const { store, keys, packs } = this.#parts
    const packed = (await packs.from(this.#incarnation, 1)).at(-1)?.last ?? 0
    const doubled: string[] = []
    this.#waiting = []
    for await (const { key, size } of store.list(keys.batches(this.#incarnation))) {
      const number = keys.numberOfBatch(key)
      if (number > head) break
      if (number > packed) this.add({ number, size })
      else if (size > EMPTY_LIMIT_BYTES || !(await this.#isEmpty(key))) doubled.push(key)
    }
    await store.delete(doubled)
    while (this.#waiting.length > 1) await this.#packNext(head)
  }

  async #isEmpty(key: string): Promise<boolean> {
    const object = await this.#parts.store.get(key)
    return object === undefined || readTrailer(key, object).lines === 0
  }

  /** What packing threw. That another process was quicker is no failure. */
  failed(error: unknown): void {
    if (error instanceof RawZoneError && error.code === 'fenced') return
    this.#parts.packing_failed?.(error, this.#incarnation)
  }

  async idle(): Promise<void> {
    await this.#running
  }

  #isEnough(): boolean {
    return this.#waiting.length >= PACK_LIMIT_BATCHES || this.#waiting_bytes >= this.#parts.pack_bytes
  }

  async #packNext(settled: number): Promise<void> {
    const { store, keys, pack_bytes } = this.#parts
    const chosen: Waiting[] = []
    for (let bytes = 0; chosen.length < PACK_LIMIT_BATCHES && bytes < pack_bytes; ) {
      const next = this.#waiting[chosen.length]
      if (!next || next.number > settled) break
      chosen.push(next)
      bytes += next.size
    }
    const [first, last] = [chosen[0], chosen.at(-1)]
    if (!first || !last) return
    const key = keys.pack(this.#incarnation, { first: first.number, last: last.number })
    const batches = await this.#read(chosen)
    await store.putIfAbsent(key, packOf(first.number, batches))
    this.#waiting.splice(0, chosen.length)
    for (const { size, object } of chosen) {
      this.#waiting_bytes -= size
      if (object) this.#kept_bytes -= size
    }
    const kept = new Set(batches.filter(({ lines }) => lines === 0).map(({ number }) => number))
    await store.delete(
      chosen.filter(({ number }) => !kept.has(number)).map(({ number }) => keys.batch(this.#incarnation, number)),
    )
  }

  async #read(chosen: readonly Waiting[]): Promise<{ number: number; object: Uint8Array; lines: number }[]> {
    const read: { number: number; object: Uint8Array; lines: number }[] = []
    for (let at = 0; at < chosen.length; at += READS_AT_ONCE)
      read.push(...(await Promise.all(chosen.slice(at, at + READS_AT_ONCE).map((one) => this.#object(one)))))
    return read
  }

  async #object({ number, object }: Waiting): Promise<{ number: number; object: Uint8Array; lines: number }> {
    const { store, keys } = this.#parts
    const key = keys.batch(this.#incarnation, number)
    const bytes = object ?? (await store.get(key))
    if (!bytes) throw new RawZoneError('fenced', `${key}: expected it unpacked; another process packed it`)
    return { number, object: bytes, lines: readTrailer(key, bytes).lines }
  }
}

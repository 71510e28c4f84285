import type { ObjectStore } from '@sluice/object-store'
import { batchId } from '../batch-id.ts'
import { acknowledgedBatch } from '../missing-batch.ts'
import type { BatchRange, RawBatch } from '../raw-zone.ts'
import { checkTrailer, decodeBatch } from './batch-object.ts'
import type { ObjectKeys } from './object-keys.ts'
import type { Packs } from './packs.ts'

export interface BatchReaderParts {
  store: ObjectStore
  keys: ObjectKeys
  packs: Packs
  /** For messages: where the zone is. */
  location: string
}

/** Compressed bytes of a pack that one request reads. */
const RUN_BYTES = 2 * 1024 ** 2
/** Batches in no pack: read before packs are looked for again, and as compressed bytes fetched before they are asked for. */
const ALONE = 100
const AHEAD_BYTES = 8 * 1024 ** 2
/** Each is taken to be as large as the one before. */
const SIZE_UNKNOWN = 4 * 1024 ** 2
const SMALLEST_SIZE = 256 * 1024

/** Reads batches, whether they are objects of their own still or in a pack already. */
export class BatchReader {
  readonly #parts: BatchReaderParts
  readonly location: string

  constructor(parts: BatchReaderParts) {
    this.#parts = parts
    this.location = parts.location
  }

  async batch(incarnation: string, number: number): Promise<RawBatch | undefined> {
    const { store, keys, packs } = this.#parts
    const key = keys.batch(incarnation, number)
    const object = await store.get(key)
    if (object) return decoded(key, object, incarnation, number)
    const packed = await packs.run(incarnation, { from: number, to: number }, 0)
    const [only] = packed?.objects ?? []
    return packed && only && decoded(packed.key, only, incarnation, number)
  }

  /** See `RawZone.batches`. */
  async *batches(incarnation: string, { from, to }: BatchRange): AsyncGenerator<RawBatch> {
    for (let number = from; number <= to; ) {
      const packed = await this.#parts.packs.run(incarnation, { from: number, to }, RUN_BYTES)
      if (!packed) {
        const last = Math.min(to, number + ALONE - 1)
        yield* this.#alone(incarnation, { from: number, to: last })
        number = last + 1
        continue
      }
      for (const object of packed.objects) {
        const batch = await decoded(packed.key, object, incarnation, number)
        yield batch ?? (await acknowledgedBatch(this, incarnation, number))
        number++
      }
    }
  }

  /** Objects are fetched ahead as they are, and only the one that is wanted is unpacked. */
  async *#alone(incarnation: string, { from, to }: BatchRange): AsyncGenerator<RawBatch> {
    const { store, keys } = this.#parts
    const coming: Promise<Uint8Array | undefined>[] = []
    let next = from
    let size = SIZE_UNKNOWN
    for (let number = from; number <= to; number++) {
      while (next <= to && (coming.length === 0 || (coming.length + 1) * size <= AHEAD_BYTES)) {
        const object = store.get(keys.batch(incarnation, next++))
        // It is awaited in its turn.
        object.catch(() => undefined)
        coming.push(object)
      }
      const object = await coming.shift()
      if (object) size = Math.max(object.length, SMALLEST_SIZE)
      const key = keys.batch(incarnation, number)
      // One that is not there was packed meanwhile, or is lost.
      const batch = object && (await decoded(key, object, incarnation, number))
      yield batch ?? (await acknowledgedBatch(this, incarnation, number))
    }
  }
}

/** `undefined` if it is the fence behind the last batch. */
async function decoded(
  key: string,
  object: Uint8Array,
  incarnation: string,
  number: number,
): Promise<RawBatch | undefined> {
  const { trailer, bytes } = await decodeBatch(key, object)
  checkTrailer(key, trailer, incarnation, number)
  if (trailer.kind === 'fence') return undefined
  return { batch_id: batchId(incarnation, number), number, key, bytes, lines: trailer.lines }
}

import { corrupt, skippableFrame } from './batch-object.ts'

/**
 * A pack is the objects of consecutive batches one after the other, as they were, then a skippable frame with an index.
 * Its payload (little endian): size u32 and lines u32 of each batch, then count u32, number of the first u48, version u16.
 */
export interface PackIndex {
  first: number
  /** Of each batch: where its object lies in the pack. */
  places: { start: number; size: number; lines: number }[]
}

const ENTRY_BYTES = 8
const FOOTER_BYTES = 12
const VERSION = 1
/** A pack has at most so many batches, so that one small read gets its index. */
export const PACK_LIMIT_BATCHES = 1000
/** The end of a pack that holds its index for certain. */
export const INDEX_LIMIT_BYTES = PACK_LIMIT_BATCHES * ENTRY_BYTES + FOOTER_BYTES + 8

export function packOf(first: number, batches: readonly { object: Uint8Array; lines: number }[]): Buffer {
  const index = Buffer.alloc(batches.length * ENTRY_BYTES + FOOTER_BYTES)
  for (const [i, { object, lines }] of batches.entries()) {
    index.writeUInt32LE(object.length, i * ENTRY_BYTES)
    index.writeUInt32LE(lines, i * ENTRY_BYTES + 4)
  }
  const footer = batches.length * ENTRY_BYTES
  index.writeUInt32LE(batches.length, footer)
  index.writeUIntLE(first, footer + 4, 6)
  index.writeUInt16LE(VERSION, footer + 10)
  return Buffer.concat([...batches.map(({ object }) => object), skippableFrame(index)])
}

/** @param end the last bytes of the pack, at least its index; @param size of the whole pack. Throws `corrupt`. */
export function readPackIndex(key: string, end: Uint8Array, size: number): PackIndex {
  const view = Buffer.from(end.buffer, end.byteOffset, end.byteLength)
  const footer = view.length - FOOTER_BYTES
  if (footer < 0 || view.readUInt16LE(footer + 10) !== VERSION) throw corrupt(key, 'it has no index of a pack')
  const count = view.readUInt32LE(footer)
  const index = footer - count * ENTRY_BYTES
  if (index < 0) throw corrupt(key, `its index says ${count} batches, which do not fit`)
  const places: PackIndex['places'] = []
  let start = 0
  for (let at = index; at < footer; at += ENTRY_BYTES) {
    const bytes = view.readUInt32LE(at)
    places.push({ start, size: bytes, lines: view.readUInt32LE(at + 4) })
    start += bytes
  }
  if (start + view.length - index + 8 !== size) throw corrupt(key, `its index does not fit its ${size} bytes`)
  return { first: view.readUIntLE(footer + 4, 6), places }
}

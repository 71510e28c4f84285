import { DeltaError } from './delta-error.ts'

/**
 * 64-bit Roaring bitmaps in the portable format (https://github.com/RoaringBitmap/RoaringFormatSpec), as PROTOCOL.md,
 * Deletion Vector Format, uses them. Row indexes stay below 2^53.
 */
const COOKIE = 12_347
const COOKIE_WITHOUT_RUNS = 12_346
const OFFSETS_FROM = 4
const BITMAP_FROM = 4_096
const MAX_KEY = 0x1f_ffff

/** A set of row indexes, by blocks of 65,536. */
export class RowIndexes {
  /** Block number to sorted low halves, or to a bitmap of 8,192 bytes. */
  readonly #blocks: ReadonlyMap<number, Uint16Array | Uint8Array>
  readonly cardinality: number

  constructor(blocks: ReadonlyMap<number, Uint16Array | Uint8Array>) {
    this.#blocks = blocks
    let cardinality = 0
    for (const block of blocks.values()) cardinality += countOf(block)
    this.cardinality = cardinality
  }

  has(row: number): boolean {
    const block = this.#blocks.get(Math.floor(row / 65_536))
    if (!block) return false
    const low = row % 65_536
    return block instanceof Uint8Array ? ((block[low >>> 3] ?? 0) & (1 << (low & 7))) !== 0 : includes(block, low)
  }

  /** Ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (const [block, rows] of [...this.#blocks].sort(([a], [b]) => a - b))
      if (rows instanceof Uint16Array) for (const low of rows) yield block * 65_536 + low
      else for (let low = 0; low < 65_536; low++) if (this.has(block * 65_536 + low)) yield block * 65_536 + low
  }
}

/** Throws `invalid_log` for bytes that are no such bitmap, or end early. */
export function decodeRoaring(bytes: Uint8Array): RowIndexes {
  const blocks = new Map<number, Uint16Array | Uint8Array>()
  try {
    const reader = new Reader(bytes)
    const buckets = reader.u64()
    let previous = -1
    for (let bucket = 0n; bucket < buckets; bucket++) {
      const key = reader.u32()
      if (key <= previous || key > MAX_KEY) throw damaged(`bucket key ${key} is out of order or range`)
      previous = key
      decodeBucket(reader, key * 65_536, blocks)
    }
  } catch (cause) {
    if (cause instanceof RangeError) throw damaged('it ends early')
    throw cause
  }
  return new RowIndexes(blocks)
}

function decodeBucket(reader: Reader, base: number, blocks: Map<number, Uint16Array | Uint8Array>): void {
  const cookie = reader.u32()
  const runs = (cookie & 0xffff) === COOKIE
  if (!runs && cookie !== COOKIE_WITHOUT_RUNS) throw damaged(`unknown cookie ${cookie}`)
  const count = runs ? (cookie >>> 16) + 1 : reader.u32()
  if (count > 65_536) throw damaged(`${count} containers`)
  const isRun = runs ? reader.take(Math.ceil(count / 8)) : new Uint8Array(0)
  const heads = Array.from({ length: count }, () => ({ key: reader.u16(), cardinality: reader.u16() + 1 }))
  if (!runs || count >= OFFSETS_FROM) reader.take(count * 4)
  for (const [at, { key, cardinality }] of heads.entries()) {
    if (at > 0 && key <= (heads[at - 1]?.key ?? 0)) throw damaged('containers are out of order')
    const run = ((isRun[at >>> 3] ?? 0) & (1 << (at & 7))) !== 0
    const block = run
      ? readRuns(reader)
      : cardinality > BITMAP_FROM
        ? reader.take(8_192)
        : readArray(reader, cardinality)
    if (!run && countOf(block) !== cardinality) throw damaged('a container has not the rows it says')
    blocks.set(base + key, block)
  }
}

function readArray(reader: Reader, cardinality: number): Uint16Array {
  const rows = new Uint16Array(cardinality)
  for (let at = 0; at < cardinality; at++) {
    rows[at] = reader.u16()
    if (at > 0 && (rows[at] ?? 0) <= (rows[at - 1] ?? 0)) throw damaged('rows are out of order')
  }
  return rows
}

function readRuns(reader: Reader): Uint8Array {
  const bitmap = new Uint8Array(8_192)
  const runs = reader.u16()
  for (let run = 0; run < runs; run++) {
    const start = reader.u16()
    const end = start + reader.u16()
    if (end > 0xffff) throw damaged('a run leaves its container')
    for (let low = start; low <= end; low++) bitmap[low >>> 3] = (bitmap[low >>> 3] ?? 0) | (1 << (low & 7))
  }
  return bitmap
}

function countOf(block: Uint16Array | Uint8Array): number {
  if (block instanceof Uint16Array) return block.length
  let count = 0
  for (let byte of block) for (; byte !== 0; byte &= byte - 1) count++
  return count
}

function includes(sorted: Uint16Array, low: number): boolean {
  let from = 0
  let to = sorted.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((sorted[middle] ?? 0) < low) from = middle + 1
    else to = middle
  }
  return sorted[from] === low
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u16(): number {
    this.#at += 2
    return this.#view.getUint16(this.#at - 2, true)
  }

  u32(): number {
    this.#at += 4
    return this.#view.getUint32(this.#at - 4, true)
  }

  u64(): bigint {
    this.#at += 8
    return this.#view.getBigUint64(this.#at - 8, true)
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw new RangeError('end of bytes')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}

const damaged = (why: string) => new DeltaError('invalid_log', `deletion vector: the Roaring bitmap is damaged: ${why}`)

import type { ParquetType } from 'hyparquet'

/** Encodings of apache/parquet-format, Encodings.md, by their number. */
export const PLAIN = 0
export const PLAIN_DICTIONARY = 2
export const RLE = 3
export const DELTA_BINARY_PACKED = 5
export const DELTA_LENGTH_BYTE_ARRAY = 6
export const DELTA_BYTE_ARRAY = 7
export const RLE_DICTIONARY = 8

const MAX_BLOCK = 1_048_576

/** Values of a page before their logical type: bigints only where a number would not do. */
export type RawValue = number | bigint | boolean | Uint8Array

/** Reads little-endian values; past the end it throws a `RangeError`. */
export class ByteReader {
  readonly bytes: Buffer
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u8(): number {
    return this.bytes.readUInt8(this.at++)
  }

  u32(): number {
    this.at += 4
    return this.bytes.readUInt32LE(this.at - 4)
  }

  take(length: number): Buffer {
    if (length < 0 || this.at + length > this.bytes.length) throw new RangeError('a page ends early')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.u8()
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
    throw new RangeError('a page has a number that does not end')
  }

  zigzag(): bigint {
    const value = this.varint()
    return (value >> 1n) ^ -(value & 1n)
  }

  /** A varint that must be at most `most`. */
  count(most: number): number {
    const value = this.varint()
    if (value > BigInt(most)) throw new RangeError(`a page has a count of ${value} where at most ${most} can be`)
    return Number(value)
  }
}

/** RLE and bit-packing hybrid: `count` numbers of `width` bits. Runs that go on for longer are cut. */
export function readRuns<T extends Uint8Array | Uint32Array>(reader: ByteReader, width: number, into: T): T {
  if (width > 32) throw new RangeError(`a page has levels of ${width} bits`)
  const { length } = into
  if (width === 0) return into
  for (let at = 0; at < length; ) {
    const head = reader.count(0xffff_ffff)
    if (head % 2 === 0) {
      const run = Math.min(head / 2, length - at)
      let value = 0
      for (const [place, byte] of reader.take((width + 7) >> 3).entries()) value += byte * 2 ** (8 * place)
      into.fill(value, at, at + run)
      at += run
    } else at = readPacked(reader, width, (head - 1) / 2, into, at)
  }
  return into
}

/** Groups of eight numbers, the last perhaps cut by the end of the page. */
function readPacked(
  reader: ByteReader,
  width: number,
  groups: number,
  into: Uint8Array | Uint32Array,
  at: number,
): number {
  const end = Math.min(at + groups * 8, into.length)
  const bytes = reader.take(Math.min(groups * width, reader.bytes.length - reader.at))
  if (bytes.length * 8 < (end - at) * width) throw new RangeError('a page ends early')
  let bits = 0
  let held = 0
  let next = 0
  for (let index = at; index < end; index++) {
    while (held < width) {
      bits += (bytes[next++] ?? 0) * 2 ** held
      held += 8
    }
    const rest = Math.floor(bits / 2 ** width)
    into[index] = bits - rest * 2 ** width
    bits = rest
    held -= width
  }
  return end
}

/** Plain values. `width`: bytes of a fixed-length value. */
export function readPlain(reader: ByteReader, type: ParquetType, count: number, width = 0): RawValue[] {
  const { bytes } = reader
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (type) {
    case 'BOOLEAN': {
      const packed = reader.take(Math.ceil(count / 8))
      return Array.from({ length: count }, (_, at) => (((packed[at >> 3] ?? 0) >> (at & 7)) & 1) === 1)
    }
    case 'INT32':
      return each(reader, count, 4, (at) => view.getInt32(at, true))
    case 'INT64':
      return each(reader, count, 8, (at) => integer(view, at))
    case 'FLOAT':
      return each(reader, count, 4, (at) => view.getFloat32(at, true))
    case 'DOUBLE':
      return each(reader, count, 8, (at) => view.getFloat64(at, true))
    case 'INT96':
      return each(reader, count, 12, (at) => bytes.subarray(at, at + 12))
    case 'FIXED_LEN_BYTE_ARRAY':
      if (width < 1) throw new RangeError('a column of fixed length has none')
      return each(reader, count, width, (at) => bytes.subarray(at, at + width))
    case 'BYTE_ARRAY': {
      // Each value has four bytes at least.
      if (count * 4 > bytes.length - reader.at) throw new RangeError('a page ends early')
      return Array.from({ length: count }, () => reader.take(reader.u32()))
    }
  }
}

/**
 * Plain texts. Where all are ASCII they are slices of one text of the whole page, so that none is decoded, copied or moved
 * by the garbage collector alone; the page stays in memory as long as one of them does.
 */
export function readPlainTexts(reader: ByteReader, count: number): string[] {
  const { bytes, at: start } = reader
  if (count * 4 > bytes.length - start) throw new RangeError('a page ends early')
  const ends = new Uint32Array(count)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = start
  /** Bytes above 127 in the lengths. */
  let high = 0
  for (let index = 0; index < count; index++) {
    const length = view.getUint32(at, true)
    const tops = length & 0x8080_8080
    if (tops !== 0) high += (tops >>> 31) + ((tops >>> 23) & 1) + ((tops >>> 15) & 1) + ((tops >>> 7) & 1)
    at += 4 + length
    if (at > bytes.length) throw new RangeError('a page ends early')
    ends[index] = at
  }
  reader.at = at
  const page = bytes.toString('latin1', start, at)
  // Each byte above 127 takes two in UTF-8: there are none besides those of the lengths.
  const ascii = Buffer.byteLength(page) === page.length + high
  const texts = new Array<string>(count)
  let from = start + 4
  for (let index = 0; index < count; index++) {
    const end = ends[index] ?? from
    texts[index] = ascii ? page.slice(from - start, end - start) : bytes.toString('utf8', from, end)
    from = end + 4
  }
  return texts
}

/** DELTA_BINARY_PACKED; `bits` 32 or 64, in which the sums wrap. */
export function readDeltas(reader: ByteReader, count: number, bits: 32 | 64): (number | bigint)[] {
  const block = reader.count(MAX_BLOCK)
  const miniblocks = reader.count(block)
  const total = reader.count(count)
  if (total < count || miniblocks === 0 || block % miniblocks !== 0)
    throw new RangeError('a page has deltas of an impossible size')
  let value = BigInt.asIntN(bits, reader.zigzag())
  const values = count > 0 ? [value] : []
  while (values.length < count) {
    const least = reader.zigzag()
    const widths = reader.take(miniblocks)
    for (const width of widths) {
      if (values.length >= count) break
      if (width > 64) throw new RangeError(`a page has deltas of ${width} bits`)
      const packed = reader.take(((block / miniblocks) * width) >> 3)
      for (let at = 0; at < block / miniblocks && values.length < count; at++) {
        value = BigInt.asIntN(bits, value + least + bitsAt(packed, at * width, width))
        values.push(value)
      }
    }
  }
  return values.map((wide) => (Number.isSafeInteger(Number(wide)) ? Number(wide) : wide))
}

/** DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes. */
export function readLengthDeltas(reader: ByteReader, count: number): Buffer[] {
  return readDeltas(reader, count, 32).map((length) => reader.take(Number(length)))
}

/** DELTA_BYTE_ARRAY: what each value shares with the one before, then the rests. */
export function readPrefixDeltas(reader: ByteReader, count: number): Buffer[] {
  const shared = readDeltas(reader, count, 32).map(Number)
  let previous: Buffer = Buffer.alloc(0)
  return readLengthDeltas(reader, count).map((rest, at) => {
    const length = shared[at] ?? 0
    if (length < 0 || length > previous.length) throw new RangeError('a page has a prefix that is longer than its text')
    previous = length === 0 ? rest : Buffer.concat([previous.subarray(0, length), rest])
    return previous
  })
}

function each<T>(reader: ByteReader, count: number, width: number, read: (at: number) => T): T[] {
  const start = reader.at
  reader.take(count * width)
  const values = new Array<T>(count)
  for (let at = 0; at < count; at++) values[at] = read(start + at * width)
  return values
}

function integer(view: DataView, at: number): number | bigint {
  const value = view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true)
  return Number.isSafeInteger(value) ? value : view.getBigInt64(at, true)
}

function bitsAt(bytes: Uint8Array, from: number, width: number): bigint {
  let value = 0n
  for (let at = 0; at < width; ) {
    const bit = from + at
    const take = Math.min(8 - (bit & 7), width - at)
    value |= BigInt(((bytes[bit >> 3] ?? 0) >> (bit & 7)) & (2 ** take - 1)) << BigInt(at)
    at += take
  }
  return value
}

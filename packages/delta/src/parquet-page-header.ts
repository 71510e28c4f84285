/**
 * Page headers of Parquet files (apache/parquet-format, parquet.thrift; Thrift's compact protocol). Everything read is
 * checked against bounds: a damaged file ends in a `RangeError` or `TypeError`, never in a loop or a huge allocation.
 */

export interface PageHeader {
  kind: 'dictionary' | 'data' | 'data-v2' | 'other'
  uncompressed_bytes: number
  compressed_bytes: number
  crc: number | undefined
  values: number
  encoding: number
  /** Of version 2: bytes of the levels in front, which are never compressed. */
  repetition_bytes: number
  definition_bytes: number
  compressed: boolean
  /** Where the page's bytes begin. */
  start: number
}

/** Pages are about a megabyte, whoever writes them. */
const MAX_PAGE_BYTES = 256 * 1024 * 1024
const MAX_PAGE_VALUES = 10_000_000
const MAX_DEPTH = 8
const MAX_MEMBERS = 10_000

type Thrift = Map<number, number | boolean | Thrift>

/** The header of the page at a position. */
export function readPageHeader(bytes: Uint8Array, at: number): PageHeader {
  const reader = new CompactReader(bytes, at)
  const header = reader.struct(0)
  const kind = (['data', 'other', 'dictionary', 'data-v2'] as const)[number(header, 1)] ?? 'other'
  const body = struct(header, { data: 5, dictionary: 7, 'data-v2': 8, other: 6 }[kind])
  const page: PageHeader = {
    kind,
    uncompressed_bytes: number(header, 2),
    compressed_bytes: number(header, 3),
    crc: header.has(4) ? number(header, 4) >>> 0 : undefined,
    values: kind === 'other' ? 0 : number(body, 1),
    encoding: kind === 'other' ? 0 : number(body, kind === 'data-v2' ? 4 : 2),
    repetition_bytes: kind === 'data-v2' ? number(body, 6) : 0,
    definition_bytes: kind === 'data-v2' ? number(body, 5) : 0,
    compressed: body.get(7) !== false,
    start: reader.at,
  }
  const levels = page.repetition_bytes + page.definition_bytes
  for (const [size, most] of [
    [page.uncompressed_bytes, MAX_PAGE_BYTES],
    [page.compressed_bytes, bytes.length - page.start],
    [page.values, MAX_PAGE_VALUES],
    [page.repetition_bytes, page.compressed_bytes],
    [page.definition_bytes, page.compressed_bytes],
    [levels, Math.min(page.compressed_bytes, page.uncompressed_bytes)],
  ] as const)
    if (size < 0 || size > most) throw new RangeError(`a page header has ${size} where at most ${most} can be`)
  return page
}

function number(struct: Thrift, member: number): number {
  const value = struct.get(member)
  if (typeof value !== 'number') throw new TypeError(`a page header lacks member ${member}`)
  return value
}

function struct(of: Thrift, member: number): Thrift {
  const value = of.get(member)
  return value instanceof Map ? value : new Map()
}

/** Integers, booleans and structs of a Thrift struct; lists and texts are passed over. */
class CompactReader {
  readonly #bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  struct(depth: number): Thrift {
    if (depth > MAX_DEPTH) throw new RangeError('a page header is nested too deep')
    const members: Thrift = new Map()
    let id = 0
    for (let count = 0; count < MAX_MEMBERS; count++) {
      const head = this.#byte()
      if ((head & 15) === 0) return members
      id = head >> 4 ? id + (head >> 4) : this.#zigzag()
      const value = this.#value(head & 15, depth)
      if (value !== undefined) members.set(id, value)
    }
    throw new RangeError('a page header has no end')
  }

  #value(type: number, depth: number): number | boolean | Thrift | undefined {
    switch (type) {
      case 1:
      case 2:
        return type === 1
      case 3:
        return (this.#byte() << 24) >> 24
      case 4:
      case 5:
      case 6:
        return this.#zigzag()
      case 7:
        return this.#skip(8)
      case 8:
        return this.#skip(this.#varint())
      case 9:
      case 10:
        return this.#list(depth)
      case 12:
        return this.struct(depth + 1)
      default:
        throw new TypeError(`a page header has a member of type ${type}`)
    }
  }

  #list(depth: number): undefined {
    const head = this.#byte()
    const size = head >> 4 === 15 ? this.#varint() : head >> 4
    if (size > MAX_MEMBERS) throw new RangeError(`a page header has a list of ${size}`)
    const type = head & 15
    // A boolean in a list takes a byte.
    for (let at = 0; at < size; at++) this.#value(Math.max(type, 3), depth + 1)
  }

  #skip(count: number): undefined {
    this.at += count
    if (this.at > this.#bytes.length) throw new RangeError('a page header ends early')
  }

  #zigzag(): number {
    const value = this.#varint()
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }

  #varint(): number {
    let value = 0
    for (let scale = 1; scale < 2 ** 64; scale *= 128) {
      const byte = this.#byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    throw new RangeError('a page header has a number that does not end')
  }

  #byte(): number {
    const byte = this.#bytes[this.at++]
    if (byte === undefined) throw new RangeError('a page header ends early')
    return byte
  }
}

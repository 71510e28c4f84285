import { brotliDecompressSync, crc32, gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { ColumnMetaData, CompressionCodec, SchemaElement } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import {
  ByteReader,
  DELTA_BINARY_PACKED,
  DELTA_BYTE_ARRAY,
  DELTA_LENGTH_BYTE_ARRAY,
  PLAIN,
  PLAIN_DICTIONARY,
  type RawValue,
  RLE,
  RLE_DICTIONARY,
  readDeltas,
  readLengthDeltas,
  readPlain,
  readPlainTexts,
  readPrefixDeltas,
  readRuns,
} from './parquet-encoding.ts'
import { Levels } from './parquet-levels.ts'
import { type PageHeader, readPageHeader } from './parquet-page-header.ts'
import { isText, type PlainValue, valueReader } from './parquet-value.ts'

/** Where a leaf stands in the schema. */
export interface Leaf {
  element: SchemaElement
  /** Definition level of a value that is there. */
  definition: number
  repetition: number
}

const MIN_CHUNK = 64
const NO_LEVELS = new Levels(undefined, 0, 0)

/**
 * Goes through the entries of a column chunk, one page in memory at a time: one by one, or many at once. `definition` and
 * `repetition` are the levels of the entry it stands on; past the last one `definition` is -1. Throws where the bytes are
 * no such chunk.
 */
export class ParquetCursor {
  definition = -1
  repetition = 0
  readonly #bytes: Uint8Array
  readonly #codec: CompressionCodec
  readonly #leaf: Leaf
  readonly #isText: boolean
  readonly #convert: ((raw: RawValue) => PlainValue) | undefined
  #offset = 0
  /** Entries that the chunk says it has and that were not read yet. */
  #left: number
  #dictionary: readonly PlainValue[] | undefined
  #values: readonly PlainValue[] = []
  #indexes: Uint32Array | undefined
  #definitions = NO_LEVELS
  #repetitions = NO_LEVELS
  #count = 0
  #entry = 0
  #value = 0

  constructor(file: Uint8Array, chunk: ColumnMetaData, leaf: Leaf) {
    const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset)
    const first = Math.min(start, Number(chunk.data_page_offset))
    const end = first + Number(chunk.total_compressed_size)
    if (!(first >= 0 && end >= first && end <= file.length)) throw new RangeError('a column lies outside of its file')
    this.#bytes = file.subarray(first, end)
    this.#codec = chunk.codec
    this.#leaf = leaf
    this.#left = Number(chunk.num_values)
    this.#isText = isText(leaf.element)
    this.#convert = valueReader(leaf.element)
    this.#page()
  }

  /** The value of the entry, `null` if it has none. */
  value(): PlainValue {
    return this.definition === this.#leaf.definition ? this.#valueAt(this.#value) : null
  }

  next(): void {
    this.pass(1)
  }

  /** How many entries from here on, of this page, have the same definition level. */
  get alike(): number {
    return this.#definitions.runEnd(this.#entry) - this.#entry
  }

  /** Goes past entries that are `alike`. */
  pass(count: number): void {
    if (this.definition === -1) throw new RangeError('a column has fewer entries than its file has rows')
    if (this.definition === this.#leaf.definition) this.#value += count
    this.#entry += count
    if (this.#entry === this.#count) this.#page()
    else this.#stand()
  }

  /**
   * Values of the next entries, `null` where there is none: of a column that is in no list those of as many records.
   * @param definitions takes their levels
   */
  take(count: number, definitions?: Uint8Array): PlainValue[] {
    const values = new Array<PlainValue>(count).fill(null)
    for (let at = 0; at < count; ) {
      const end = Math.min(count, at + this.alike)
      definitions?.fill(this.definition, at, end)
      if (this.definition === this.#leaf.definition)
        for (let entry = at; entry < end; entry++) values[entry] = this.#valueAt(this.#value + entry - at)
      this.pass(end - at)
      at = end
    }
    return values
  }

  #valueAt(place: number): PlainValue {
    const value = this.#indexes ? this.#dictionary?.[this.#indexes[place] ?? -1] : this.#values[place]
    if (value === undefined) throw new RangeError('a column refers to a value that is not there')
    return value
  }

  #stand(): void {
    this.definition = this.#definitions.at(this.#entry)
    this.repetition = this.#repetitions.at(this.#entry)
  }

  /** Loads the next page that has entries. */
  #page(): void {
    while (this.#left > 0) {
      const header = readPageHeader(this.#bytes, this.#offset)
      const body = this.#bytes.subarray(header.start, header.start + header.compressed_bytes)
      this.#offset = header.start + header.compressed_bytes
      if (header.crc !== undefined && crc32(body) !== header.crc) throw new RangeError('a page has another checksum')
      if (header.kind === 'dictionary') this.#readDictionary(header, body)
      if (header.kind !== 'data' && header.kind !== 'data-v2') continue
      this.#left -= header.values
      if (this.#left < 0) throw new RangeError('a column has more entries than its file says')
      if (header.values === 0) continue
      this.#readData(header, body)
      this.#count = header.values
      this.#entry = 0
      this.#value = 0
      this.#stand()
      return
    }
    this.definition = -1
    this.repetition = 0
  }

  #readDictionary(header: PageHeader, body: Uint8Array): void {
    const reader = new ByteReader(decompressed(this.#codec, body, header.uncompressed_bytes))
    this.#dictionary = this.#isText
      ? readPlainTexts(reader, header.values)
      : this.#converted(reader, PLAIN, header.values)
  }

  #readData(header: PageHeader, body: Uint8Array): void {
    const { definition, repetition } = this.#leaf
    const inFront = header.repetition_bytes + header.definition_bytes
    const v2 = header.kind === 'data-v2'
    const packed = v2 ? body.subarray(inFront) : body
    const page = header.compressed ? decompressed(this.#codec, packed, header.uncompressed_bytes - inFront) : packed
    const reader = new ByteReader(page)
    const levels = (most: number, v2Bytes: Uint8Array) => {
      if (most === 0) return new Levels(undefined, most, header.values)
      return new Levels(new ByteReader(v2 ? v2Bytes : reader.take(reader.u32())), most, header.values)
    }
    this.#repetitions = levels(repetition, body.subarray(0, header.repetition_bytes))
    this.#definitions = levels(definition, body.subarray(header.repetition_bytes, inFront))
    this.#readValues(reader, header.encoding, this.#definitions.count(definition))
  }

  #readValues(reader: ByteReader, encoding: number, count: number): void {
    this.#indexes = undefined
    if (count === 0) this.#values = []
    else if (encoding === PLAIN && this.#isText) this.#values = readPlainTexts(reader, count)
    else if (encoding === RLE_DICTIONARY || encoding === PLAIN_DICTIONARY)
      this.#indexes = readRuns(reader, reader.u8(), new Uint32Array(count))
    else this.#values = this.#converted(reader, encoding, count)
  }

  #converted(reader: ByteReader, encoding: number, count: number): readonly PlainValue[] {
    const { type = 'BYTE_ARRAY', type_length } = this.#leaf.element
    const raw = rawValues(reader, encoding, count, type, type_length)
    return this.#convert ? raw.map(this.#convert) : raw
  }
}

function rawValues(
  reader: ByteReader,
  encoding: number,
  count: number,
  type: NonNullable<SchemaElement['type']>,
  width: number | undefined,
): readonly RawValue[] {
  if (encoding === PLAIN) return readPlain(reader, type, count, width)
  if (encoding === RLE && type === 'BOOLEAN') {
    const bits = readRuns(new ByteReader(reader.take(reader.u32())), 1, new Uint8Array(count))
    return Array.from(bits, (bit) => bit === 1)
  }
  if (encoding === DELTA_BINARY_PACKED && (type === 'INT32' || type === 'INT64'))
    return readDeltas(reader, count, type === 'INT32' ? 32 : 64)
  if (encoding === DELTA_LENGTH_BYTE_ARRAY) return readLengthDeltas(reader, count)
  if (encoding === DELTA_BYTE_ARRAY) return readPrefixDeltas(reader, count)
  throw new TypeError(`encoding ${encoding} of ${type} is not known`)
}

/** node:zlib checks the checksums that GZIP and Zstandard frames have. */
function decompressed(codec: CompressionCodec, bytes: Uint8Array, size: number): Uint8Array {
  const out = decompress(codec, bytes, size)
  if (out.length !== size) throw new RangeError(`a page should have ${size} bytes and has ${out.length}`)
  return out
}

function decompress(codec: CompressionCodec, bytes: Uint8Array, size: number): Uint8Array {
  if (codec === 'UNCOMPRESSED' || (size === 0 && bytes.length === 0)) return bytes
  // One chunk of the right size: nothing is copied together afterwards.
  const limit = { maxOutputLength: Math.max(1, size), chunkSize: Math.max(MIN_CHUNK, size) }
  if (codec === 'ZSTD') return zstdDecompressSync(bytes, limit)
  if (codec === 'GZIP') return gunzipSync(bytes, limit)
  if (codec === 'BROTLI') return brotliDecompressSync(bytes, limit)
  const other = compressors[codec]
  if (!other) throw new TypeError(`compression ${codec} is not known`)
  return other(bytes, size)
}

import { constants, zstdCompressSync } from 'node:zlib'
import type { SchemaElement } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import type { ParquetBatch, ParquetCodec, ParquetFile, ParquetRow } from './parquet-codec.ts'
import { readBatches } from './parquet-record.ts'
import { type DataType, decimalOf, type StructField, type StructType } from './schema.ts'

/** Rows that the writer holds in columns at a time. */
const GROUP_ROWS = 10_000

/** A codec in plain JavaScript, for checkpoints: no native code, whole files in memory. */
export const hyparquetCodec: ParquetCodec = { read, write }

async function* read(file: ParquetFile, columns: readonly string[]): AsyncGenerator<ParquetBatch> {
  yield* readBatches(
    await file.bytes(),
    (path, siblings) => (path.length > 1 || columns.includes(path[0] ?? '')) && needed(path, siblings),
  )
}

/** Partition values and statistics come as text and, from some writers, as structs too. */
function needed(path: readonly string[], siblings: readonly string[]): boolean {
  const name = path.at(-1)
  if (path.length !== 2) return true
  return name !== 'partitionValues_parsed' && (name !== 'stats_parsed' || !siblings.includes('stats'))
}

async function write(schema: StructType, rows: Iterable<ParquetRow>): Promise<Uint8Array> {
  const all = [...rows]
  const elements: SchemaElement[] = [{ name: 'spark_schema', num_children: schema.fields.length }]
  for (const field of schema.fields) elements.push(...elementsOf(field))
  const columnData = schema.fields.map(({ name, type }) => {
    const convert = converter(type)
    return { name, data: all.map((row) => (row[name] == null ? undefined : convert(row[name]))) }
  })
  const options = { codec: 'ZSTD', compressors: { ZSTD: zstdWithChecksum } } as const
  return new Uint8Array(parquetWriteBuffer({ columnData, schema: elements, rowGroupSize: GROUP_ROWS, ...options }))
}

/** Each page's frame carries a checksum, so that a reader notices damage. */
const zstdWithChecksum = (bytes: Uint8Array) =>
  zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_compressionLevel]: 1 } })

/** The writer takes 64-bit integers as bigints only. */
function converter(type: DataType): (value: unknown) => unknown {
  if (type === 'long') return (value) => BigInt(value as number | bigint)
  if (typeof type === 'string') return (value) => value
  if (type.type === 'array') {
    const item = converter(type.elementType)
    return (value) => (value as unknown[]).map((element) => (element == null ? element : item(element)))
  }
  if (type.type === 'map') {
    const item = converter(type.valueType)
    return (value) =>
      Object.entries(value as object).map(([key, member]) => ({ key, value: member == null ? member : item(member) }))
  }
  const members = type.fields.map((field) => ({ name: field.name, convert: converter(field.type) }))
  return (value) => {
    const struct = value as ParquetRow
    const out: ParquetRow = {}
    for (const { name, convert } of members) if (struct[name] != null) out[name] = convert(struct[name])
    return out
  }
}

/** The Parquet schema of a Delta field (PROTOCOL.md, Delta Data Type to Parquet Type Mappings). */
function elementsOf(field: StructField, repeated?: 'REQUIRED' | 'OPTIONAL'): SchemaElement[] {
  const { name, type } = field
  const repetition_type = repeated ?? (field.nullable ? 'OPTIONAL' : 'REQUIRED')
  if (typeof type === 'string') return [{ name, repetition_type, ...primitive(type) }]
  if (type.type === 'struct')
    return [{ name, repetition_type, num_children: type.fields.length }, ...type.fields.flatMap((f) => elementsOf(f))]
  if (type.type === 'array')
    return [
      { name, repetition_type, converted_type: 'LIST', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      ...elementsOf({ name: 'element', type: type.elementType, nullable: type.containsNull, metadata: {} }),
    ]
  return [
    { name, repetition_type, converted_type: 'MAP', num_children: 1 },
    { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
    ...elementsOf({ name: 'key', type: type.keyType, nullable: false, metadata: {} }),
    ...elementsOf({ name: 'value', type: type.valueType, nullable: type.valueContainsNull, metadata: {} }),
  ]
}

function primitive(type: DataType): Partial<SchemaElement> {
  switch (type) {
    case 'string':
      return { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } }
    case 'long':
      return { type: 'INT64' }
    case 'integer':
      return { type: 'INT32' }
    case 'short':
      return { type: 'INT32', converted_type: 'INT_16' }
    case 'byte':
      return { type: 'INT32', converted_type: 'INT_8' }
    case 'float':
      return { type: 'FLOAT' }
    case 'double':
      return { type: 'DOUBLE' }
    case 'boolean':
      return { type: 'BOOLEAN' }
    case 'binary':
      return { type: 'BYTE_ARRAY' }
    case 'date':
      return { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } }
    case 'timestamp':
    case 'timestamp_ntz':
      return {
        type: 'INT64',
        logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: type === 'timestamp', unit: 'MICROS' },
        ...(type === 'timestamp' ? { converted_type: 'TIMESTAMP_MICROS' } : {}),
      }
    default:
      return decimalElement(type)
  }
}

function decimalElement(type: DataType): Partial<SchemaElement> {
  const decimal = decimalOf(type)
  if (!decimal) throw new TypeError(`Parquet has no type for ${JSON.stringify(type)}`)
  const { precision, scale } = decimal
  const physical: Partial<SchemaElement> =
    precision <= 9
      ? { type: 'INT32' }
      : precision <= 18
        ? { type: 'INT64' }
        : { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16 }
  return { ...physical, converted_type: 'DECIMAL', precision, scale }
}

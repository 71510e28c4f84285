import type { FileMetaData, ParquetParsers, SchemaElement } from 'hyparquet'
import { type ColumnMappingMode, fileColumn } from './column-mapping.ts'
import { DeltaError } from './delta-error.ts'
import { type DataType, decimalOf } from './schema.ts'
import { dateText, decimalText, type Value } from './value.ts'

/** A node of a Parquet schema. */
export interface ColumnNode {
  element: SchemaElement
  children: ColumnNode[]
}

/** Keeps what the library would round: instants as microseconds, dates as days, JSON as text. */
export const parsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (millis) => millis * 1_000n,
  timestampFromMicroseconds: (micros) => micros,
  timestampFromNanoseconds: (nanos) => nanos / 1_000n - (nanos % 1_000n < 0n ? 1n : 0n),
  dateFromDays: (days) => days,
  jsonFromBytes: (bytes) => bytes && new TextDecoder().decode(bytes),
}

/** Metadata with decimals as plain integers and bytes, which the library would turn into floats; and their scales. */
export function plainMetadata(metadata: FileMetaData): {
  plain: FileMetaData
  decimals: Map<SchemaElement, { scale: number }>
} {
  const decimals = new Map<SchemaElement, { scale: number }>()
  const schema = metadata.schema.map((element) => {
    if (element.converted_type !== 'DECIMAL' && element.logical_type?.type !== 'DECIMAL') return element
    const { converted_type: _converted, logical_type, ...rest } = element
    const scale = element.scale ?? (logical_type?.type === 'DECIMAL' ? logical_type.scale : 0)
    decimals.set(rest, { scale })
    return rest
  })
  return { plain: { ...metadata, schema }, decimals }
}

interface Reading {
  mode: ColumnMappingMode
  decimals: ReadonlyMap<SchemaElement, { scale: number }>
  /** File and column, for messages. */
  at: string
}

/**
 * Turns what the library read of a column into a value of its Delta type, widened where the table's type has become
 * wider (PROTOCOL.md, Type Widening; Delta Data Type to Parquet Type Mappings). Throws `invalid_log` for a column of
 * another type.
 */
export function columnReader(type: DataType, node: ColumnNode, reading: Reading): (raw: unknown) => Value {
  const read = presentReader(type, node, reading)
  return (raw) => (raw === null || raw === undefined ? null : read(raw))
}

function presentReader(type: DataType, node: ColumnNode, reading: Reading): (raw: unknown) => Value {
  if (typeof type === 'string') return leafReader(type, node, reading)
  if (type.type === 'struct') {
    const columns = node.children.map((child) => ({ ...child, name: child.element.name, id: child.element.field_id }))
    const members = type.fields.map((field) => {
      const column = field.type === 'void' ? undefined : fileColumn(field, columns, reading.mode)
      return { name: field.name, column, read: column && columnReader(field.type, column, reading) }
    })
    return (raw) => {
      const struct = raw as Record<string, unknown>
      return Object.fromEntries(
        members.map(({ name, column, read }) => [name, column && read ? read(struct[column.name]) : null]),
      )
    }
  }
  const repeated = node.children[0]
  if (!repeated) throw mismatch(type, node, reading)
  if (type.type === 'array') {
    const element = repeated.children.length === 1 ? repeated.children[0] : repeated
    const read = columnReader(type.elementType, element ?? repeated, reading)
    return (raw) => (raw as unknown[]).map(read)
  }
  const value = repeated.children[1]
  if (!value) throw mismatch(type, node, reading)
  const read = columnReader(type.valueType, value, reading)
  return (raw) => Object.fromEntries(Object.entries(raw as object).map(([key, member]) => [key, read(member)]))
}

function leafReader(type: DataType, node: ColumnNode, reading: Reading): (raw: unknown) => Value {
  const { element } = node
  const decimal = decimalOf(type)
  const scale = reading.decimals.get(element)?.scale
  const kind = scale === undefined ? physicalKind(element) : 'decimal'
  if (decimal && kind === 'decimal' && scale !== undefined && scale <= decimal.scale)
    return (raw) => decimalText(unscaled(raw) * 10n ** BigInt(decimal.scale - scale), decimal.scale)
  if (decimal && kind === 'whole')
    return (raw) => decimalText(unscaled(raw) * 10n ** BigInt(decimal.scale), decimal.scale)
  const read = READERS[`${kind} as ${String(type)}`]
  if (!read) throw mismatch(type, node, reading)
  if (kind === 'whole' && element.type === 'INT64' && type !== 'long') throw mismatch(type, node, reading)
  return read
}

const text = (raw: unknown): Value => (raw instanceof Uint8Array ? new TextDecoder().decode(raw) : String(raw))
const number = (raw: unknown): Value => Number(raw)
const micros = (raw: unknown): Value => raw as bigint

/** What a Parquet column of a kind is as a Delta type; what is not here does not fit. */
const READERS: Record<string, (raw: unknown) => Value> = {
  'boolean as boolean': (raw) => raw as boolean,
  'whole as byte': number,
  'whole as short': number,
  'whole as integer': number,
  'whole as long': (raw) => BigInt(raw as number | bigint),
  'whole as double': number,
  'float as float': number,
  'float as double': number,
  'double as double': number,
  'bytes as string': text,
  'bytes as binary': (raw) => (raw instanceof Uint8Array ? raw : new TextEncoder().encode(String(raw))),
  'date as date': (raw) => dateText(Number(raw)),
  'date as timestamp_ntz': (raw) => BigInt(Number(raw)) * 86_400_000_000n,
  'instant as timestamp': micros,
  'instant as timestamp_ntz': micros,
}

function physicalKind({ type, converted_type, logical_type }: SchemaElement): string {
  if (converted_type === 'DATE' || logical_type?.type === 'DATE') return 'date'
  if (converted_type === 'TIMESTAMP_MILLIS' || converted_type === 'TIMESTAMP_MICROS') return 'instant'
  if (logical_type?.type === 'TIMESTAMP' || type === 'INT96') return 'instant'
  switch (type) {
    case 'BOOLEAN':
      return 'boolean'
    case 'INT32':
    case 'INT64':
      return 'whole'
    case 'FLOAT':
      return 'float'
    case 'DOUBLE':
      return 'double'
    case 'BYTE_ARRAY':
    case 'FIXED_LEN_BYTE_ARRAY':
      return 'bytes'
    default:
      return 'group'
  }
}

function unscaled(raw: unknown): bigint {
  if (!(raw instanceof Uint8Array)) return BigInt(raw as number | bigint)
  let value = 0n
  for (const byte of raw) value = (value << 8n) | BigInt(byte)
  return BigInt.asIntN(raw.length * 8, value)
}

const mismatch = (type: DataType, node: ColumnNode, reading: Reading) =>
  new DeltaError(
    'invalid_log',
    `${reading.at}: should be ${JSON.stringify(type)} and is ${node.element.converted_type ?? node.element.type ?? 'a group'} in the file`,
  )

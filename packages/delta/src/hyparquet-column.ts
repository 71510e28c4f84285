import type { SchemaElement } from 'hyparquet'
import { type ColumnMappingMode, fileColumn } from './column-mapping.ts'
import { DeltaError } from './delta-error.ts'
import { type HybridCalendar, sameInBoth } from './hybrid-calendar.ts'
import { type ColumnNode, holdsEntries, scaleOf } from './plain-parquet.ts'
import { type DataType, decimalOf } from './schema.ts'
import { dateText, decimalText, type Value } from './value.ts'

export interface Reading {
  mode: ColumnMappingMode
  calendar: HybridCalendar
  /** Bytes are no texts unless the file says so, nor texts bytes. Default: they are what the table says. */
  strictBytes?: boolean
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
    if (node.children.length === 0 || holdsEntries(node.element)) throw mismatch(type, node, reading)
    const members = type.fields.map((field) => {
      const column = field.type === 'void' ? undefined : fileColumn(field, node.children, reading.mode)
      return { name: field.name, column, read: column && columnReader(field.type, column, reading) }
    })
    return (raw) => {
      const struct = raw as Record<string, unknown>
      return Object.fromEntries(
        members.map(({ name, column, read }) => [name, column && read ? read(struct[column.key]) : null]),
      )
    }
  }
  const repeated = node.children[0]
  if (node.children.length !== 1 || repeated?.element.repetition_type !== 'REPEATED')
    throw mismatch(type, node, reading)
  const entries = (raw: unknown) => (raw as Record<string, unknown[]>)[repeated.key] ?? []
  if (type.type === 'array') {
    const member = elementMember(node, repeated)
    const read = columnReader(type.elementType, member ?? repeated, reading)
    if (!member) return (raw) => entries(raw).map(read)
    return (raw) => entries(raw).map((entry) => read((entry as Record<string, unknown>)[member.key]))
  }
  const [key, value] = repeated.children
  if (!key || !value || repeated.children.length !== 2) throw mismatch(type, node, reading)
  const readKey = columnReader(type.keyType, key, reading)
  const readValue = columnReader(type.valueType, value, reading)
  return (raw) =>
    Object.fromEntries(
      (entries(raw) as Record<string, unknown>[]).map((entry) => [
        keyText(readKey(entry[key.key])),
        readValue(entry[value.key]),
      ]),
    )
}

/**
 * The element of a list, within its repeated group; `undefined`: it is the group itself (parquet-format, LogicalTypes.md,
 * Lists, Backward-compatibility rules).
 */
function elementMember(list: ColumnNode, repeated: ColumnNode): ColumnNode | undefined {
  const { name } = repeated
  if (repeated.children.length !== 1 || name === 'array' || name === `${list.name}_tuple`) return undefined
  return repeated.children[0]
}

/** A map's key as the name of a member: no two keys have the same. */
function keyText(key: Value): string {
  if (key instanceof Uint8Array) return Buffer.from(key).toString('hex')
  return typeof key === 'object' ? JSON.stringify(key, exactKey) : String(key)
}

const exactKey = (_name: string, value: unknown) =>
  typeof value === 'bigint' ? String(value) : value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value

function leafReader(type: DataType, node: ColumnNode, reading: Reading): (raw: unknown) => Value {
  const { element } = node
  const decimal = decimalOf(type)
  const scale = scaleOf(element)
  const kind = scale === undefined ? physicalKind(element) : 'decimal'
  if (decimal && kind === 'decimal' && scale !== undefined && scale <= decimal.scale)
    return (raw) => decimalText(unscaled(raw) * 10n ** BigInt(decimal.scale - scale), decimal.scale)
  if (decimal && kind === 'whole')
    return (raw) => decimalText(unscaled(raw) * 10n ** BigInt(decimal.scale), decimal.scale)
  const read = READERS[`${kind} as ${String(type)}`]
  if (!read) throw mismatch(type, node, reading)
  if (reading.strictBytes && kind === 'bytes' && saysText(element) !== (type === 'string'))
    throw mismatch(type, node, reading)
  if (type === 'string') return (raw) => textOf(raw, read, reading)
  if (kind === 'whole' && !fitsWhole(element, type)) throw mismatch(type, node, reading)
  // Spark keeps a timestamp_ntz as it is.
  const dated = kind === 'date' || (kind === 'instant' && type === 'timestamp')
  const checked = dated && sameInBoth(reading.calendar, element, kind, reading.at)
  if (element.type === 'INT96') return (raw) => read(sinceJulianDays(checked ? checked(raw) : raw, reading.at))
  return checked ? (raw) => read(checked(raw)) : read
}

const TEXTS: readonly (string | undefined)[] = ['UTF8', 'STRING', 'ENUM', 'JSON']
const saysText = ({ converted_type, logical_type }: SchemaElement) =>
  TEXTS.includes(converted_type) || TEXTS.includes(logical_type?.type)

function textOf(raw: unknown, read: (raw: unknown) => Value, { at }: Reading): Value {
  try {
    return read(raw)
  } catch (cause) {
    throw new DeltaError('invalid_log', `${at}: should be UTF-8 and is not`, { cause })
  }
}

/** Bits that a value of a Delta type has, and needs; unsigned ones (by `logical_type` or `converted_type`) need one more. */
function fitsWhole({ type, converted_type, logical_type }: SchemaElement, wanted: DataType): boolean {
  const converted: string = converted_type ?? ''
  if (converted.startsWith('TIME_') || logical_type?.type === 'TIME') return false
  const [, unsigned, width] = /^(U?)INT_(\d+)$/.exec(converted) ?? []
  const integer = logical_type?.type === 'INTEGER' ? logical_type : undefined
  const bits = Number(integer?.bitWidth ?? width ?? (type === 'INT64' ? 64 : 32))
  const signed = integer?.isSigned ?? unsigned !== 'U'
  if (wanted === 'double') return bits <= 32
  return type === 'INT64' ? signed && wanted === 'long' : signed || bits < bitsOf(wanted)
}

const bitsOf = (type: DataType) => (type === 'long' ? 64 : type === 'integer' ? 32 : type === 'short' ? 16 : 8)

/** Around 4050 BC. Of INT96 instants before day 0, in 4713 BC, the library loses the day. */
const FIRST_INT96_MICROS = -190_000_000_000_000_000n

function sinceJulianDays(raw: unknown, at: string): unknown {
  if ((raw as bigint) >= FIRST_INT96_MICROS) return raw
  throw new DeltaError('unsupported_feature', `${at}: has INT96 instants before 4050 BC, which are not supported`, {
    feature: 'INT96 before 4050 BC',
  })
}

/** A mark in front of a text is part of it. Throws for bytes that are none. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })
const text = (raw: unknown): Value => utf8.decode(raw as Uint8Array)
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
  'bytes as binary': (raw) => raw as Uint8Array,
  'date as date': (raw) => dateText(Number(raw)),
  'date as timestamp_ntz': (raw) => BigInt(Number(raw)) * 86_400_000_000n,
  'instant as timestamp': micros,
  'instant as timestamp_ntz': micros,
}

function physicalKind({ type, converted_type, logical_type }: SchemaElement) {
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

import type { DataType, StructType } from '@sluice/delta'
import type { EventType, Field } from '@sluice/events'

/** A column of a lake table. */
export interface Column {
  name: string
  /** Delta's type. */
  type: DataType
}

const SQL_TYPES: Readonly<Record<string, string>> = {
  string: 'VARCHAR',
  long: 'BIGINT',
  integer: 'INTEGER',
  short: 'SMALLINT',
  byte: 'TINYINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  binary: 'BLOB',
  date: 'DATE',
  timestamp: 'TIMESTAMPTZ',
  timestamp_ntz: 'TIMESTAMP',
  void: 'INTEGER',
}

/** DuckDB's type for a Delta type. */
export function sqlType(type: DataType): string {
  if (typeof type === 'string') return SQL_TYPES[type] ?? type.toUpperCase()
  if (type.type === 'array') return `${sqlType(type.elementType)}[]`
  if (type.type === 'map') return `MAP(${sqlType(type.keyType)}, ${sqlType(type.valueType)})`
  return `STRUCT(${type.fields.map((field) => `"${field.name.replaceAll('"', '""')}" ${sqlType(field.type)}`).join(', ')})`
}

/** Delta's type for a field of an event type. */
export function deltaType(field: Field): DataType {
  switch (field.kind) {
    case 'int':
      return 'integer'
    case 'instant':
      return 'timestamp'
    case 'decimal':
      return `decimal(${field.precision},${field.scale})`
    case 'string_list':
      return { type: 'array', elementType: 'string', containsNull: true }
    default:
      return field.kind
  }
}

/** Columns that every event table has after those of its fields. */
export const EVENT_COLUMNS: readonly Column[] = [
  { name: 'event_id', type: 'string' },
  { name: 'received_at', type: 'timestamp' },
  { name: 'raw_batch', type: 'string' },
  { name: 'raw_line', type: 'integer' },
  { name: '_extra', type: 'string' },
]

/** The columns of an event type's table. */
export function eventColumns(type: EventType): Column[] {
  const fields: [string, Field][] = Object.entries(type.fields)
  return [...fields.map(([name, field]) => ({ name, type: deltaType(field) })), ...EVENT_COLUMNS]
}

/** Delta's schema of nullable columns. */
export function schemaOf(columns: readonly Column[]): StructType {
  return {
    type: 'struct',
    fields: columns.map(({ name, type }) => ({ name, type, nullable: true, metadata: {} })),
  }
}

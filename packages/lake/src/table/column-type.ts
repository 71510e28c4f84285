import type { DataType, StructType } from '@sluice/delta'
import type { DefinedTable } from '@sluice/events'
import { identifier } from '../duckdb/sql-text.ts'

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
  return `STRUCT(${type.fields.map((field) => `${identifier(field.name)} ${sqlType(field.type)}`).join(', ')})`
}

/** The columns of a table that an event type defines. */
export function columnsOf({ columns }: Pick<DefinedTable, 'columns'>): Column[] {
  return columns.map(({ name, type }) => ({
    name,
    type: type === 'array<string>' ? { type: 'array', elementType: 'string', containsNull: true } : type,
  }))
}

/** Delta's schema of nullable columns. */
export function schemaOf(columns: readonly Column[]): StructType {
  return {
    type: 'struct',
    fields: columns.map(({ name, type }) => ({ name, type, nullable: true, metadata: {} })),
  }
}

import { StoreError } from '@sluice/store'

/** A column's type in PostgreSQL. */
export type ColumnType =
  | 'text'
  | 'text[]'
  | 'integer'
  | 'bigint'
  | 'double precision'
  | 'boolean'
  | 'timestamp with time zone'
  | 'date'
  | `numeric(${number},${number})`

/** Delta's primitive types and DuckDB's names of the same, in lower case. Floats get the doubles that their values are in a row. */
const TYPES: Readonly<Record<string, ColumnType>> = {
  string: 'text',
  varchar: 'text',
  'array<string>': 'text[]',
  'varchar[]': 'text[]',
  byte: 'integer',
  short: 'integer',
  integer: 'integer',
  int: 'integer',
  long: 'bigint',
  bigint: 'bigint',
  float: 'double precision',
  double: 'double precision',
  boolean: 'boolean',
  timestamp: 'timestamp with time zone',
  timestamptz: 'timestamp with time zone',
  'timestamp with time zone': 'timestamp with time zone',
  date: 'date',
}

/** @throws StoreError `failed` for a type that no lake table has */
export function columnType(lakeType: string): ColumnType {
  const name = lakeType.toLowerCase()
  const decimal = /^(?:decimal|numeric)\(\s*(\d+)\s*,\s*(\d+)\s*\)$/.exec(name)
  if (decimal) return `numeric(${Number(decimal[1])},${Number(decimal[2])})`
  const found = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined
  if (found) return found
  throw new StoreError(
    'failed',
    `expected a column type of ${Object.keys(TYPES).join(', ')}, decimal(p,s); ${JSON.stringify(lakeType)} came`,
  )
}

/** Whether every value of one type is also one of the other, so that a column can be altered in place. */
export function widens(from: ColumnType, to: ColumnType): boolean {
  if (from === 'integer') return to === 'bigint' || to === 'double precision'
  const [narrow, wide] = [digitsOf(from), digitsOf(to)]
  return narrow !== undefined && wide !== undefined && wide.whole >= narrow.whole && wide.scale >= narrow.scale
}

function digitsOf(type: ColumnType): { whole: number; scale: number } | undefined {
  const digits = /^numeric\((\d+),(\d+)\)$/.exec(type)
  return digits ? { whole: Number(digits[1]) - Number(digits[2]), scale: Number(digits[2]) } : undefined
}

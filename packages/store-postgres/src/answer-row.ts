import type { Answer, Row } from '@sluice/store'
import type { SqlRow } from './sql-database.ts'

/** PostgreSQL's texts as the values that a `Row` has, by the question's columns. */
export function answerRow(row: SqlRow, columns: Answer['columns']): Row {
  return Object.fromEntries(columns.map(({ name, type }, index) => [name, cellValue(row[index] ?? null, type)]))
}

function cellValue(text: string | null, type: string): Row[string] {
  if (text === null) return null
  switch (type) {
    case 'INTEGER':
    case 'DOUBLE':
      return Number(text)
    case 'BIGINT':
      return Number.isSafeInteger(Number(text)) ? Number(text) : text
    case 'BOOLEAN':
      return text === 't'
    case 'TIMESTAMP':
      return instantOf(text)
    default:
      return text
  }
}

/** `2025-10-02 21:10:00.5+00` (DateStyle ISO, TimeZone UTC) as RFC 3339 with microseconds. */
function instantOf(text: string): string {
  const [day = '', time = ''] = text.split(' ')
  const [seconds = '', fraction = ''] = time.replace(/[+-]\d\d$/, '').split('.')
  return `${day}T${seconds}.${fraction.padEnd(6, '0')}Z`
}

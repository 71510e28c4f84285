import { hash } from 'node:crypto'
import type { EventType, Field } from '@sluice/events'
import { identifier, literal } from '../duckdb/sql-text.ts'

/**
 * Hashes that are stored for ever: whatever changes here makes every repeat look like a conflict. Each is the lower 64
 * bits of an md5 (its last eight bytes, the last one first), as a signed number.
 *
 * What a content hash is taken of: the type, with its length in bytes before it; the name, a colon and the length of each
 * value, in order of the names; a line feed; the values. Absent values leave nothing behind, so that a new column of a
 * type changes no hash of events without it.
 */
export function contentHash(type: string, values: ReadonlyMap<string, string>): bigint {
  const names = [...values.keys()].sort()
  const lengths = names.map((name) => `${name}:${Buffer.byteLength(values.get(name) ?? '')}`)
  return md5Hash(`${typeHead(type)}${lengths.join('')}\n${names.map((name) => values.get(name)).join('')}`)
}

/** Of content that could not be typed; never that of content that could. */
export function rawContentHash(type: string, content: string): bigint {
  return md5Hash(`invalid ${typeHead(type)}\n${content}`)
}

export function md5Hash(text: string): bigint {
  return hash('md5', text, 'buffer').readBigInt64LE(8)
}

/** The same in SQL, of a VARCHAR. */
export function md5Number(text: string): string {
  const number = `md5_number_lower(${text})`
  return `(${number}::HUGEINT - (${number} >> 63)::HUGEINT * 18446744073709551616::HUGEINT)::BIGINT`
}

/** SQL for what `contentHash` hashes; `extra` is the canonical text of fields that the type does not know. */
export function contentText({ type, fields }: EventType, extra: string): string {
  const values = Object.entries<Field>(fields).map(([name, field]): [string, string] => [
    name,
    canonicalSql(field, identifier(name)),
  ])
  values.push([EXTRA, extra])
  values.sort(([a], [b]) => (a < b ? -1 : 1))
  const lengths = values.map(([name, text]) => `${literal(`${name}:`)} || strlen(${text})`)
  return `concat(${[literal(typeHead(type)), ...lengths, 'chr(10)', ...values.map(([, text]) => text)].join(', ')})`
}

/** The name under which unknown fields are content. */
export const EXTRA = '_extra'

const typeHead = (type: string) => `${Buffer.byteLength(type)}:${type}`

/** The text of a value for its hash: `ExactValue.canonical` in SQL. */
function canonicalSql(field: Field, value: string): string {
  switch (field.kind) {
    case 'string':
      return value
    case 'instant':
      return `epoch_us(${value})::VARCHAR`
    case 'float':
    case 'double':
      // Seventeen digits name every double; the sum makes -0 the same as 0.
      return `format('{:.16e}', ${value}::DOUBLE + 0.0::DOUBLE)`
    case 'decimal':
      // Without room for a digit before the point DuckDB writes none.
      return `${value}::DECIMAL(38, ${field.scale})::VARCHAR`
    case 'string_list':
      return `array_to_string(list_transform(${value}, lambda item: concat(strlen(item), ':', item)), '')`
    default:
      return `${value}::VARCHAR`
  }
}

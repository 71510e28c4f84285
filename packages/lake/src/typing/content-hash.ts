import type { Field } from '@sluice/events'
import { identifier, literal } from '../duckdb/sql-text.ts'

/**
 * The lower 64 bits of md5 (its last eight bytes, the last one first) as a signed number; of a VARCHAR, as SQL. It is
 * stored for ever: whatever changes here makes every repeat look like a conflict.
 */
export function md5Number(text: string): string {
  const hash = `md5_number_lower(${text})`
  return `(${hash}::HUGEINT - (${hash} >> 63)::HUGEINT * 18446744073709551616::HUGEINT)::BIGINT`
}

/**
 * What the content hash is taken of, as SQL: the type; name and length of each value, in order of the names; a line feed;
 * the values. Absent values leave nothing behind, so that a type's new column changes no hash of events without it.
 * `extra`: SQL for the canonical text of fields that the type does not know.
 */
export function contentText(type: string, fields: Readonly<Record<string, Field>>, extra: string): string {
  const values = Object.entries(fields).map(([name, field]): [string, string] => [
    name,
    canonicalValue(field, identifier(name)),
  ])
  values.push(['_extra', extra])
  values.sort(([a], [b]) => (a < b ? -1 : 1))
  const lengths = values.map(([name, text]) => `${literal(`${name}:`)} || strlen(${text})`)
  const head = literal(`${Buffer.byteLength(type)}:${type}`)
  return `concat(${[head, ...lengths, 'chr(10)', ...values.map(([, text]) => text)].join(', ')})`
}

function canonicalValue(field: Field, value: string): string {
  switch (field.kind) {
    case 'string':
      return value
    case 'instant':
      return `epoch_us(${value})::VARCHAR`
    case 'float':
    case 'double':
      // Seventeen digits name every double; the sum makes -0 the same as 0.
      return `format('{:.16e}', ${value}::DOUBLE + 0.0::DOUBLE)`
    case 'string_list':
      return `array_to_string(list_transform(${value}, lambda item: concat(strlen(item), ':', item)), '')`
    default:
      return `${value}::VARCHAR`
  }
}

import { literal } from '../duckdb/sql-text.ts'

const STRING = '"([^"\\\\]|\\\\.)*"'
const LITERAL = 'true|false|null'
/** An object whose values are simple, as DuckDB writes it: what is in it needs no JavaScript. */
const simple = (number: string) =>
  `[{](${STRING}:(${STRING}|${number}|${LITERAL})(,${STRING}:(${STRING}|${number}|${LITERAL}))*)?[}]`

/** Members of an event that are never content. */
export const ENVELOPE_FIELDS = ['type', 'event_id'] as const

/** SQL for the fields of an event (`event`, JSON) that are not among the names: a JSON object's text. */
export function extraFields(event: string, names: readonly string[]): string {
  const patch = JSON.stringify(Object.fromEntries(names.map((name) => [name, null])))
  return `json_merge_patch(${event}, ${literal(patch)})::VARCHAR`
}

/** BOOLEAN: the text is for SQL. Integers are written as they came, but for -0. */
export function isSimpleExtra(extra: string, verbatim: string): string {
  return `CASE WHEN ${verbatim} THEN regexp_full_match(${extra}, ${literal(simple('-?[0-9][0-9.eE+-]*'))})
    ELSE regexp_full_match(${extra}, ${literal(simple('-?[1-9][0-9]*'))}) END`
}

/** SQL for the canonical text of a simple extra: the same as `canonicalMembers` gives. */
export function canonicalExtra(extra: string): string {
  const value = `CASE WHEN e.value IS NULL THEN 'lnull' WHEN starts_with(e.value::VARCHAR, '"') THEN 's' || json_extract_string(e.value, '$')
    WHEN e.value::VARCHAR IN ('true', 'false') THEN 'l' || e.value::VARCHAR ELSE 'n' || e.value::VARCHAR END`
  const members = `list_transform(map_entries(from_json(${extra}, '"MAP(VARCHAR,JSON)"')), lambda e: concat(strlen(e.key), ':', e.key, ${value}))`
  return `array_to_string(list_transform(list_sort(${members}), lambda member: concat(strlen(member), ':', member)), '')`
}

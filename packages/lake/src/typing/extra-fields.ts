import { literal } from '../duckdb/sql-text.ts'

const STRING = '"([^"\\\\]|\\\\.)*"'

/** SQL for the fields of an event (JSON) that are not among the names: a JSON object's text. */
export function extraFields(event: string, names: readonly string[]): string {
  const patch = JSON.stringify(Object.fromEntries(names.map((name) => [name, null])))
  return `json_merge_patch(${event}, ${literal(patch)})::VARCHAR`
}

/**
 * BOOLEAN: the extra has simple values only, and they are to the letter what the client wrote. `source` is the client's
 * text where DuckDB's differs, else NULL: then strings without escapes are as they came, and integers but for -0.
 */
export function isSimpleExtra(extra: string, source: string): string {
  return `CASE WHEN ${source} IS NULL THEN regexp_full_match(${extra}, ${literal(simple('-?[0-9][0-9.eE+-]*'))})
    WHEN contains(${source}, '\\') THEN false ELSE regexp_full_match(${extra}, ${literal(simple('-?[1-9][0-9]*'))}) END`
}

function simple(number: string): string {
  const value = `(${STRING}|${number}|true|false|null)`
  return `[{](${STRING}:${value}(,${STRING}:${value})*)?[}]`
}

/** SQL for the canonical text of a simple extra: what `canonicalMembers` gives. */
export function canonicalExtra(extra: string): string {
  const value = `CASE WHEN e.value IS NULL THEN 'lnull' WHEN starts_with(e.value::VARCHAR, '"') THEN 's' || json_extract_string(e.value, '$')
    WHEN e.value::VARCHAR IN ('true', 'false') THEN 'l' || e.value::VARCHAR ELSE 'n' || e.value::VARCHAR END`
  const members = `list_transform(map_entries(from_json(${extra}, '"MAP(VARCHAR,JSON)"')), lambda e: concat(strlen(e.key), ':', e.key, ${value}))`
  return `array_to_string(list_transform(list_sort(${members}), lambda member: concat(strlen(member), ':', member)), '')`
}

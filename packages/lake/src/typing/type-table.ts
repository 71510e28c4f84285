import type { EventType, Field } from '@sluice/events'
import { identifier, literal } from '../duckdb/sql-text.ts'
import { contentText, md5Number } from './content-hash.ts'
import { canonicalExtra, ENVELOPE_FIELDS, extraFields, isSimpleExtra } from './extra-fields.ts'
import { fieldValue } from './field-value.ts'
import type { LineTable } from './lines.ts'

const LINEAGE = ['event_id', 'received_at', 'raw_batch', 'raw_line'] as const
/** Digits that a double may lose; a number of the event's text with so many is not for SQL. */
const LONG_NUMBER = '[0-9.]{16}'

/** The temporary table of an event type. */
export const typeTable = (type: EventType): string => identifier(`typed_${type.table}`)

/**
 * SQL for the rows of a type: `seq`, the columns of its Delta table, and for `batch_rows` `_log_partition`, `_log_offset`,
 * `_wait`, `_content_hash`; `_ok` says that all of it is certain. Else the line is for `exactLine`.
 */
export function typedRows(type: EventType, lines: LineTable): string {
  const fields: Readonly<Record<string, Field>> = type.fields
  const names = Object.keys(fields)
  const columns = names.map(identifier).join(', ')
  const carried = `_seq, log_partition, log_offset, wait, ${LINEAGE.join(', ')}, _extra, _canonical_extra`
  const json = (name: string) => identifier(`_json_${name}`)
  const members = [...names, ...ENVELOPE_FIELDS]
  const source = (name: string) => ({
    json: json(name),
    verbatim: '_source IS NULL',
    short_numbers: `(_source IS NULL OR NOT regexp_matches(_source, '${LONG_NUMBER}'))`,
  })
  const present = members.map((name) => `(${json(name)} IS NOT NULL)::INTEGER`).join(' + ')
  const certain = Object.entries(fields).map(([name, { required }]) =>
    required ? `${identifier(name)} IS NOT NULL` : `(${identifier(name)} IS NULL) = (${json(name)} IS NULL)`,
  )
  const spec = JSON.stringify(Object.fromEntries(members.map((name) => [name, 'JSON'])))

  const events = `SELECT ${carried.replace('_seq', 'coalesce(_seq, rowid) AS _seq').replace('_extra, _canonical_extra', '_extra AS _known_extra, _canonical_extra AS _known_canonical')}, _source,
    CASE WHEN form = 'event' THEN event WHEN ${HAS_ONE_DATA} THEN json_extract(event, '$.data') END AS _event
    FROM ${lines} WHERE type = ${literal(type.type)} AND _reason IS NULL`
  const parsed = `SELECT *, json_transform(_event, ${literal(spec)}) AS _json, json_keys(_event) AS _keys FROM (${events})`
  const taken = `SELECT * EXCLUDE (_json), ${members.map((name) => `(_json.${identifier(name)})::VARCHAR AS ${json(name)}`).join(', ')} FROM (${parsed})`
  const typed = `SELECT *, ${names.map((name) => `${fieldValue(fieldOf(fields, name), source(name))} AS ${identifier(name)}`).join(', ')},
    CASE WHEN len(_keys) > ${present} THEN ${extraFields('_event', members)} END AS _others FROM (${taken})`
  const judged = `SELECT *, _event IS NOT NULL AND ${certain.join(' AND ')} AND ${othersAreCertain} AS _ok,
    coalesce(_known_extra, CASE WHEN _others <> '{}' THEN _others END) AS _extra FROM (${typed})`
  const canonical = `SELECT *, CASE WHEN _ok THEN coalesce(_known_canonical, CASE WHEN _extra IS NOT NULL THEN ${canonicalExtra('_extra')} END) END AS _canonical_extra FROM (${judged})`
  const content = `SELECT ${carried}, ${columns}, _ok, ${contentText(type.type, fields, '_canonical_extra')} AS _content FROM (${canonical})`
  return `SELECT _seq::INTEGER AS seq, ${columns}, ${LINEAGE.join(', ')}, _extra, log_partition AS _log_partition, log_offset AS _log_offset, wait AS _wait,
    ${md5Number('_content')} AS _content_hash, _ok FROM (${content})`
}

const HAS_ONE_DATA = `json_type(event, '$.data') = 'OBJECT' AND len(list_filter(json_keys(event), lambda name: name = 'data')) = 1`

/** Members that no field took: nulls, fields that the type does not know, or a name that comes twice. */
const othersAreCertain = `(_others IS NULL OR (len(list_distinct(_keys)) = len(_keys) AND ${isSimpleExtra('_others', '_source IS NULL')}))`

function fieldOf(fields: Readonly<Record<string, Field>>, name: string): Field {
  const field = fields[name]
  if (!field) throw new Error(`expected the field ${name} to be declared`)
  return field
}

import type { EventType, Field } from '@sluice/events'
import { identifier, literal } from '../duckdb/sql-text.ts'
import { contentText, md5Number } from './content-hash.ts'
import { ENVELOPE_FIELDS } from './exact-line.ts'
import { canonicalExtra, extraFields, isSimpleExtra } from './extra-fields.ts'
import { fieldValue, unquoted } from './field-value.ts'
import { LINES_TABLE } from './raw-lines.ts'

const LINEAGE = ['event_id', 'received_at', 'raw_batch', 'raw_line'] as const

/** The temporary table of an event type. */
export const typeTable = (type: EventType): string => `typed_${type.table}`

const SQL_TYPES = {
  string: 'VARCHAR',
  int: 'INTEGER',
  long: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  instant: 'TIMESTAMPTZ',
  string_list: 'VARCHAR[]',
} as const

/** SQL that makes the table of a type with no rows. The columns are those of `typedRows`. */
export function createTypeTable(type: EventType): string {
  const fields: [string, Field][] = Object.entries(type.fields)
  const columns = fields.map(([name, field]) => `${identifier(name)} ${sqlType(field)}`)
  return `CREATE OR REPLACE TEMP TABLE ${typeTable(type)} (seq INTEGER, ${columns.join(', ')}, event_id VARCHAR, received_at TIMESTAMPTZ,
    raw_batch VARCHAR, raw_line INTEGER, _extra VARCHAR, _log_partition INTEGER, _log_offset BIGINT, _wait BOOLEAN, _content_hash BIGINT, _id_hash BIGINT, _ok BOOLEAN)`
}

function sqlType(field: Field): string {
  return field.kind === 'decimal' ? `DECIMAL(${field.precision}, ${field.scale})` : SQL_TYPES[field.kind]
}

/**
 * SQL for the rows of a type in `batch_lines`: `seq`, the columns of its Delta table, and for `batch_rows`
 * `_log_partition`, `_log_offset`, `_wait`, `_content_hash`, `_id_hash`. `_ok` says that all of it is certain; if not, the
 * line is for `exactLine`. Each SELECT computes what the next one needs more than once.
 */
export function typedRows(type: EventType): string {
  const fields: [string, Field][] = Object.entries(type.fields)
  const members = [...fields.map(([name]) => name), ...ENVELOPE_FIELDS]
  const columns = fields.map(([name]) => identifier(name)).join(', ')
  const carried = ['_seq', 'log_partition', 'log_offset', 'wait', ...LINEAGE].join(', ')
  const json = (name: string) => identifier(`_json_${name}`)
  const text = (name: string) => identifier(`_text_${name}`)

  const events = `SELECT rowid AS _seq, *, CASE WHEN form = 'event' THEN CASE WHEN starts_with(event::VARCHAR, '{') THEN event END WHEN ${HAS_DATA} THEN json_extract(event, '$.data') END AS _event
    FROM ${LINES_TABLE} WHERE type = ${literal(type.type)}`
  const spec = JSON.stringify(Object.fromEntries(members.map((name) => [name, 'JSON'])))
  const parsed = `SELECT *, json_transform(_event, ${literal(spec)}) AS _json, json_keys(_event) AS _keys FROM (${events})`
  const values = members.map((name) => `(_json.${identifier(name)})::VARCHAR AS ${json(name)}`)
  const taken = `SELECT ${carried}, _source, _event, _keys, ${values.join(', ')} FROM (${parsed})`
  const texts = fields.filter(([, { kind }]) => kind !== 'string' && kind !== 'string_list')
  const unwrapped = `SELECT *${texts.map(([name]) => `, ${unquoted(json(name))} AS ${text(name)}`).join('')},
    CASE WHEN len(_keys) > ${members.map((name) => `(${json(name)} IS NOT NULL)::INTEGER`).join(' + ')} THEN ${extraFields('_event', members)} END AS _others FROM (${taken})`
  const typed = fields.map(
    ([name, field]) =>
      `${fieldValue(field, { json: json(name), text: text(name), source: '_source' })} AS ${identifier(name)}`,
  )
  const converted = `SELECT *, ${typed.join(', ')}, ${OTHERS_ARE_CERTAIN} AS _others_ok, CASE WHEN _others <> '{}' THEN _others END AS _extra FROM (${unwrapped})`
  const certain = fields.map(([name, { required }]) =>
    required ? `${identifier(name)} IS NOT NULL` : `(${identifier(name)} IS NULL) = (${json(name)} IS NULL)`,
  )
  const judged = `SELECT ${carried}, ${columns}, _extra, _event IS NOT NULL AND ${HAS_ENVELOPE} AND _others_ok AND ${certain.join(' AND ')} AS _ok,
    CASE WHEN _extra IS NULL THEN NULL WHEN _others_ok THEN ${canonicalExtra('_extra')} END AS _canonical_extra FROM (${converted})`
  const content = `SELECT ${carried}, ${columns}, _extra, _ok, ${contentText(type, '_canonical_extra')} AS _content FROM (${judged})`
  return `SELECT _seq::INTEGER AS seq, ${columns}, ${LINEAGE.join(', ')}, _extra, log_partition AS _log_partition, log_offset AS _log_offset, wait AS _wait,
    ${md5Number('_content')} AS _content_hash, ${md5Number('event_id')} AS _id_hash, _ok FROM (${content})`
}

const HAS_ENVELOPE = ['log_partition', 'log_offset', 'wait', ...LINEAGE]
  .map((name) => `${name} IS NOT NULL`)
  .join(' AND ')

const HAS_DATA = `json_type(event, '$.data') = 'OBJECT' AND len(list_filter(json_keys(event), lambda name: name = 'data')) = 1`

/** Members that no field took: nulls, a name that comes twice, or fields that the type does not know. */
const OTHERS_ARE_CERTAIN = `CASE WHEN _others IS NULL THEN true WHEN len(list_distinct(_keys)) <> len(_keys) THEN false
  WHEN _others = '{}' THEN true ELSE ${isSimpleExtra('_others', '_source')} END`

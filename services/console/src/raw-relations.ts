import { stat } from 'node:fs/promises'
import type { EventTypes, Field } from '@sluice/events'
import type { RawFile, RawZone } from '@sluice/raw-zone'
import { fileList, literal, quoted } from './sql/quote.ts'
import type { Relations } from './sql/sql-cage.ts'

/** DuckDB keeps twice as much as a buffer, for each thread; ingest takes events of up to 4 MiB. */
const LONGEST_LINE_BYTES = 8 * 1024 ** 2

/** Alias of `raw.click`, after the log that the brief of a click stream usually starts from. */
export const CLICKSTREAM_ALIAS = 's3_clickstream_logs'

/** Members of a raw line before the event (`RawLine`). */
const HEAD = JSON.stringify({
  batch: 'VARCHAR',
  line: 'INTEGER',
  event_id: 'VARCHAR',
  received_at: 'VARCHAR',
  source: 'VARCHAR',
  type: 'VARCHAR',
  form: 'VARCHAR',
})
/** Quotes are escaped in the members before it, so the first one is the event's. */
const BEFORE_EVENT = ',"event":'
/** The line's end without its last bracket. */
const EVENT = `TRY_CAST(text[length(split_part(text, '${BEFORE_EVENT}', 1)) + ${BEFORE_EVENT.length + 1}:-2] AS JSON)`

/**
 * `raw.events`: every receipt. The event is cut out of its line, because a JSON reader would write it anew, with other
 * numbers and spaces than the client's.
 */
export async function rawEvents(rawZone: RawZone): Promise<Relations> {
  const files = await rawZone.files()
  const reads = await Promise.all(files.filter((file) => file.bytes > 0).map(readOf))
  const lines = reads.length > 0 ? reads.join(' UNION ALL ') : "SELECT '' AS json WHERE false"
  return {
    files: files.map((file) => file.path),
    setup: [
      'CREATE SCHEMA IF NOT EXISTS raw',
      `CREATE OR REPLACE VIEW raw.events AS
        SELECT head.batch AS raw_batch, head.line AS raw_line, head.event_id AS event_id, head.received_at::TIMESTAMPTZ AS received_at,
          head.source AS source, head.type AS type, head.form AS form, ${EVENT} AS event
        FROM (SELECT json::VARCHAR AS text, json_transform(json, '${HEAD}') AS head FROM (${lines})) WHERE head.event_id IS NOT NULL`,
    ],
  }
}

async function readOf(file: RawFile): Promise<string> {
  // What lies behind the complete batches of a file is being written at this moment and may end anywhere.
  const growing = file.compression === 'none' && (await stat(file.path)).size > file.bytes
  const options = [
    `maximum_object_size = ${LONGEST_LINE_BYTES}`,
    `compression = '${file.compression === 'none' ? 'uncompressed' : file.compression}'`,
    ...(growing ? ['ignore_errors = true'] : []),
  ]
  return `SELECT json FROM read_ndjson_objects(${fileList([file.path])}, ${options.join(', ')})`
}

/**
 * `raw.<type>`: each event of a type once (its first receipt), schema on read: the type's fields, null where a value is
 * not what the type wants, and the whole event. Events of a type that is not defined have no columns but these.
 */
export function rawOfType(type: string, eventTypes: EventTypes): string {
  const fields = eventTypes.byType.get(type)?.fields ?? {}
  const columns = Object.entries(fields).map(([name, field]) => `, ${readField(name, field)} AS ${quoted(name)}`)
  return `CREATE OR REPLACE VIEW raw.${quoted(type)} AS
    SELECT event_id, received_at, source${columns.join('')}, fields AS event FROM (
      SELECT *, CASE form WHEN 'cloudevent' THEN event->'data' ELSE event END AS fields FROM raw.events WHERE type = ${literal(type)}
      QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY received_at, raw_batch, raw_line) = 1)`
}

function readField(name: string, field: Field): string {
  const path = literal(`$.${JSON.stringify(name)}`)
  const text = `json_extract_string(fields, ${path})`
  switch (field.kind) {
    case 'string_list':
      return `TRY_CAST(json_extract(fields, ${path}) AS VARCHAR[])`
    case 'string':
      return `CASE WHEN json_type(fields, ${path}) IN ('VARCHAR', 'BIGINT', 'UBIGINT', 'DOUBLE') THEN ${text} END`
    case 'int':
    case 'long': {
      const number = `TRY_CAST(${text} AS ${SQL_TYPES[field.kind](field)})`
      return `CASE WHEN ${isNumber(text)} AND TRY_CAST(${text} AS DOUBLE) = ${number} THEN ${number} END`
    }
    case 'decimal':
      return `CASE WHEN ${hasPlaces(text, field.scale)} THEN TRY_CAST(${text} AS ${SQL_TYPES.decimal(field)}) END`
    default:
      return `TRY_CAST(${text} AS ${SQL_TYPES[field.kind](field)})`
  }
}

/** JSON's numbers, also as text: a cast takes underscores and spaces, too, and rounds. */
const isNumber = (text: string) => `regexp_full_match(${text}, '${WHOLE}([.][0-9]+)?([eE][+-]?[0-9]+)?')`
/** With an exponent, as text: as many places as a wide column has tell whether any are lost. */
const hasPlaces = (text: string, most: number) =>
  `CASE WHEN regexp_full_match(${text}, '${WHOLE}(${most === 0 ? '[.]0+' : `[.][0-9]{1,${most}}0*`})?') THEN true
    WHEN ${isNumber(text)} AND regexp_matches(${text}, '[eE]') THEN TRY_CAST(${text} AS DECIMAL(38, ${most + 6})) = TRY_CAST(${text} AS DECIMAL(38, ${most})) END`
const WHOLE = '-?(0|[1-9][0-9]*)'

const SQL_TYPES: Readonly<Record<Exclude<Field['kind'], 'string' | 'string_list'>, (field: Field) => string>> = {
  int: () => 'INTEGER',
  long: () => 'BIGINT',
  float: () => 'FLOAT',
  double: () => 'DOUBLE',
  boolean: () => 'BOOLEAN',
  instant: () => 'TIMESTAMPTZ',
  decimal: (field) => (field.kind === 'decimal' ? `DECIMAL(${field.precision},${field.scale})` : 'DECIMAL'),
}

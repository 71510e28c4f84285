import { literal } from '../duckdb/sql-text.ts'

/** Lines as they came, and lines that `exactLine` rewrote. Both have the same columns. */
export type LineTable = 'batch_lines' | 'batch_exact_lines'

/** Longer lines are for JavaScript: DuckDB's JSON functions recurse, and overflow the stack where nesting is deep. */
export const LONGEST_SQL_LINE_BYTES = 65_536

const ENVELOPE = {
  p: 'INTEGER',
  o: 'BIGINT',
  batch: 'VARCHAR',
  line: 'INTEGER',
  event_id: 'VARCHAR',
  received_at: 'VARCHAR',
  type: 'VARCHAR',
  form: 'VARCHAR',
  wait: 'INTEGER',
  event: 'JSON',
}
/** What `exactLine` adds. */
const FINDINGS = {
  seq: 'INTEGER',
  extra: 'VARCHAR',
  canonical_extra: 'VARCHAR',
  reason: 'VARCHAR',
  field: 'VARCHAR',
  message: 'VARCHAR',
  text: 'VARCHAR',
  hash: 'BIGINT',
}

/** SELECT of the lines of a file in their order; what DuckDB cannot parse, or should not, is a row of NULLs. */
export function readLines(table: LineTable, path: string, longest_bytes = 0): string {
  const exact = table === 'batch_exact_lines'
  const members = exact ? { ...ENVELOPE, ...FINDINGS } : ENVELOPE
  const parsed = `json_transform(json, ${literal(JSON.stringify(members))})`
  const envelope = exact ? parsed : `CASE WHEN strlen(json) <= ${LONGEST_SQL_LINE_BYTES} THEN ${parsed} END`
  const findings = Object.entries(FINDINGS).map(([name, type]) =>
    exact ? `line.${name} AS _${name}` : `NULL::${type} AS _${name}`,
  )
  return `SELECT line.p AS log_partition, line.o AS log_offset, line.batch AS raw_batch, line.line AS raw_line, line.event_id, line.type, line.form,
      make_timestamptz(epoch_us(TRY_CAST(line.received_at AS TIMESTAMP))) AS received_at, line.wait = 1 AS wait, line.event,
      CASE WHEN NOT suffix(json, concat(line.event, '}')) THEN json END AS _source, ${findings.join(', ')}
    FROM (SELECT json, ${envelope} AS line FROM read_ndjson_objects(${literal(path)}, ignore_errors = true, maximum_object_size = ${Math.max(longest_bytes, SHORTEST_LIMIT_BYTES)}))`
}

/** DuckDB's own default. */
const SHORTEST_LIMIT_BYTES = 16_777_216

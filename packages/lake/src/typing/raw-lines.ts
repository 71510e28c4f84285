import { literal } from '../duckdb/sql-text.ts'
import { fileList } from '../table/file-list.ts'

/** The lines of a batch as they came; `rowid` is a line's place. */
export const LINES_TABLE = 'batch_lines'

/** Longer lines are for JavaScript: DuckDB's JSON functions recurse, and overflow the stack where nesting is deep. */
const LONGEST_SQL_LINE_BYTES = 65_536
/** DuckDB's own limit by default; longer lines make the statement fail. */
const LONGEST_LINE_BYTES = 16_777_216

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

/**
 * SQL that loads the lines of a file in their order. What DuckDB cannot parse, or should not, is a row of NULLs. `event` is
 * written anew by DuckDB; `_source` is the line itself where that is not to the letter what the client wrote.
 */
export function loadLines(path: string): string {
  const line = `CASE WHEN strlen(json) <= ${LONGEST_SQL_LINE_BYTES} THEN json_transform(json, ${literal(JSON.stringify(ENVELOPE))}) END`
  return `CREATE OR REPLACE TEMP TABLE ${LINES_TABLE} AS
    SELECT line.p AS log_partition, line.o AS log_offset, line.batch AS raw_batch, line.line AS raw_line, line.event_id, line.type, line.form,
      make_timestamptz(epoch_us(TRY_CAST(line.received_at AS TIMESTAMP))) AS received_at, line.wait = 1 AS wait, line.event,
      CASE WHEN NOT suffix(json, concat(line.event, '}')) THEN json END AS _source
    FROM (SELECT json, ${line} AS line FROM read_ndjson_objects(${fileList([path])}, ignore_errors = true, maximum_object_size = ${LONGEST_LINE_BYTES}))`
}

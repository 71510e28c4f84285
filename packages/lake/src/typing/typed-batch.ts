/**
 * What typing a micro-batch leaves behind in the DuckDB connection it was given, as temporary tables and a view:
 *
 * - `batch_rows`, the view: every line of the batch, one row a line, in any order:
 *   `seq INTEGER` (its place in the input, from 0), `log_partition INTEGER`, `log_offset BIGINT`, `raw_batch VARCHAR`,
 *   `raw_line INTEGER`, `event_id VARCHAR`, `id_hash BIGINT`, `received_at TIMESTAMPTZ`, `type VARCHAR`, `wait BOOLEAN`,
 *   `table_name VARCHAR`, `content_hash BIGINT`, `key VARCHAR`, `order_at TIMESTAMPTZ`,
 *   and for lines that cannot be loaded `reason VARCHAR`, `field VARCHAR`, `message VARCHAR`, `text VARCHAR` (all null
 *   where the line is valid; `table_name`, `key`, `order_at` null where it is not).
 * - one table a type that occurs with valid rows, named by `TypedBatch.tables`, in any order: `seq`, the columns of the
 *   Delta table, and columns of the typing's own, whose names begin with an underscore.
 */
export interface TypedBatch {
  lines: number
  /** By event type: the temporary table with its valid rows, and how many. */
  tables: { type: string; table: string; relation: string; rows: number }[]
  /** Lines that cannot be loaded. */
  invalid: number
}

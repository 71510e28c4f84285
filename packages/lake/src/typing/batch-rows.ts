import type { EventType } from '@sluice/events'
import { identifier, literal } from '../duckdb/sql-text.ts'
import { md5Number } from './content-hash.ts'
import { typeTable } from './type-table.ts'

const COLUMNS = `seq INTEGER, log_partition INTEGER, log_offset BIGINT, raw_batch VARCHAR, raw_line INTEGER, event_id VARCHAR, id_hash BIGINT,
  received_at TIMESTAMPTZ, type VARCHAR, wait BOOLEAN, table_name VARCHAR, content_hash BIGINT, key VARCHAR, order_at TIMESTAMPTZ,
  reason VARCHAR, field VARCHAR, message VARCHAR, text VARCHAR`

/** SQL that makes `batch_rows` with no rows. */
export const CREATE_BATCH_ROWS = `CREATE OR REPLACE TEMP TABLE batch_rows (${COLUMNS})`

/** SQL that adds the rows that SQL typed with certainty. */
export function addTypedRows(type: EventType): string {
  const { key, time } = type
  const order_at = time === undefined ? 'received_at' : `coalesce(${identifier(time)}, received_at)`
  return `INSERT INTO batch_rows SELECT seq, _log_partition, _log_offset, raw_batch, raw_line, event_id, ${md5Number('event_id')}, received_at, ${literal(type.type)}, _wait,
    ${literal(type.table)}, _content_hash, ${key === undefined ? 'NULL' : identifier(key)}, ${order_at}, NULL, NULL, NULL, NULL FROM ${typeTable(type)} WHERE _ok`
}

import type { EventType } from '@sluice/events'
import { identifier, literal } from '../duckdb/sql-text.ts'
import { typeTable } from './type-table.ts'

/** The view of all lines of a batch. */
const BATCH_ROWS = 'batch_rows'

/** The lines that cannot be loaded. */
export const INVALID_ROWS = 'invalid_rows'

const FEW_ROWS = 'few_rows'

const COLUMNS = `seq INTEGER, log_partition INTEGER, log_offset BIGINT, raw_batch VARCHAR, raw_line INTEGER, event_id VARCHAR, id_hash BIGINT,
  received_at TIMESTAMPTZ, type VARCHAR, wait BOOLEAN, table_name VARCHAR, content_hash BIGINT, key VARCHAR, order_at TIMESTAMPTZ,
  reason VARCHAR, field VARCHAR, message VARCHAR, text VARCHAR`

/** SQL that makes `INVALID_ROWS` with no rows. */
export const CREATE_INVALID_ROWS = `CREATE OR REPLACE TEMP TABLE ${INVALID_ROWS} (${COLUMNS})`

/**
 * SQL that makes `BATCH_ROWS` of the tables of these types and of `INVALID_ROWS`. Many lines are not copied; few are, as
 * each query of a view plans all its tables anew.
 */
export function createBatchRows(types: Iterable<EventType>, { few }: { few: boolean }): string {
  const rows = [`SELECT * FROM ${INVALID_ROWS}`, ...[...types].map(typedLines)].join(' UNION ALL ')
  const view = `CREATE OR REPLACE TEMP VIEW ${BATCH_ROWS} AS`
  return few ? `CREATE OR REPLACE TEMP TABLE ${FEW_ROWS} AS ${rows}; ${view} FROM ${FEW_ROWS}` : `${view} ${rows}`
}

/** SQL that drops all but the types' tables. */
export const DROP_BATCH_ROWS = `DROP VIEW IF EXISTS temp.${BATCH_ROWS}; DROP TABLE IF EXISTS temp.${FEW_ROWS}; DROP TABLE IF EXISTS temp.${INVALID_ROWS}`

function typedLines(type: EventType): string {
  const { key, time } = type
  const order_at = time === undefined ? 'received_at' : `coalesce(${identifier(time)}, received_at)`
  return `SELECT seq, _log_partition, _log_offset, raw_batch, raw_line, event_id, _id_hash, received_at, ${literal(type.type)}, _wait,
    ${literal(type.table)}, _content_hash, ${key === undefined ? 'NULL' : identifier(key)}, ${order_at}, NULL, NULL, NULL, NULL FROM ${typeTable(type)}`
}

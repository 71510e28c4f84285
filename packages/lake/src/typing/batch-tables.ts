import type { DuckDBConnection } from '@duckdb/node-api'
import type { EventType, EventTypes } from '@sluice/events'
import { execute, queryTuples } from '../duckdb/query.ts'
import { literal } from '../duckdb/sql-text.ts'
import { md5Number } from './content-hash.ts'
import { type LineTable, readLines } from './lines.ts'
import { typedRows, typeTable } from './type-table.ts'
import type { TypedBatch } from './typed-batch.ts'

/** Loads a file's lines into their table, in place of what it held; resolves to the types that occur and can be typed. */
export async function loadLines(
  connection: DuckDBConnection,
  table: LineTable,
  file: { path: string; longest_bytes?: number },
  types: EventTypes,
): Promise<EventType[]> {
  await execute(
    connection,
    `CREATE OR REPLACE TEMP TABLE ${table} AS ${readLines(table, file.path, file.longest_bytes)}`,
  )
  const names = await queryTuples(connection, `SELECT DISTINCT type FROM ${table} WHERE _reason IS NULL ORDER BY type`)
  return names.flatMap(([name]) => (typeof name === 'string' ? (types.get(name) ?? []) : []))
}

/** Types the lines of `batch_lines`; resolves to the places of those that SQL is not certain of. */
export async function typeLines(connection: DuckDBConnection, types: readonly EventType[]): Promise<number[]> {
  for (const type of types)
    await execute(connection, `CREATE OR REPLACE TEMP TABLE ${typeTable(type)} AS ${typedRows(type, 'batch_lines')}`)
  const untyped =
    types.length > 0 ? ` OR type NOT IN (${types.map(({ type }) => literal(type)).join(', ')})` : ' OR true'
  const uncertain = types.map((type) => `SELECT seq FROM ${typeTable(type)} WHERE NOT _ok`)
  return places(
    connection,
    [`SELECT rowid::INTEGER AS seq FROM batch_lines WHERE type IS NULL${untyped}`, ...uncertain].join(' UNION ALL '),
  )
}

/**
 * Types the lines of `batch_exact_lines` in place of those that SQL was not certain of; `before` are the types that have
 * a table. Resolves to the places of those that are uncertain even so.
 */
export async function typeExactLines(
  connection: DuckDBConnection,
  before: ReadonlySet<EventType>,
  exact: readonly EventType[],
): Promise<Set<number>> {
  for (const type of before)
    await execute(
      connection,
      `DELETE FROM ${typeTable(type)} WHERE NOT _ok OR seq IN (SELECT _seq FROM batch_exact_lines)`,
    )
  for (const type of exact) {
    const into = before.has(type)
      ? `INSERT INTO ${typeTable(type)}`
      : `CREATE OR REPLACE TEMP TABLE ${typeTable(type)} AS`
    await execute(connection, `${into} ${typedRows(type, 'batch_exact_lines')}`)
  }
  if (exact.length === 0) return new Set()
  const uncertain = exact.map((type) => `SELECT seq FROM ${typeTable(type)} WHERE NOT _ok`)
  return new Set(await places(connection, uncertain.join(' UNION ALL ')))
}

/** Does the same for nothing, to see whether it works. */
export async function tryExactLines(connection: DuckDBConnection, exact: readonly EventType[]): Promise<void> {
  for (const type of exact)
    await execute(connection, `CREATE OR REPLACE TEMP TABLE typing_trial AS ${typedRows(type, 'batch_exact_lines')}`)
  await dropTables(connection, ['typing_trial'])
}

/** Makes `batch_rows` of the types' tables and the findings, and says what the batch is. */
export async function collectRows(
  connection: DuckDBConnection,
  types: readonly EventType[],
  withExact: boolean,
): Promise<TypedBatch> {
  const parts = [...types.map(validRows), ...(withExact ? [INVALID_ROWS] : [])]
  const select = `SELECT seq, log_partition, log_offset, raw_batch, raw_line, event_id, ${md5Number('event_id')} AS id_hash, received_at, type, wait,
    table_name, content_hash, key, order_at, reason, field, message, text FROM (${parts.join(' UNION ALL ')})`
  await execute(connection, `CREATE OR REPLACE TEMP TABLE batch_rows AS ${parts.length > 0 ? select : NO_ROWS}`)
  const counted = await queryTuples(connection, 'SELECT table_name, count(*) FROM batch_rows GROUP BY 1')
  const counts = new Map(counted.map(([table, rows]) => [table, Number(rows)]))
  const tables = types.map((type) => ({
    type: type.type,
    table: type.table,
    relation: typeTable(type),
    rows: counts.get(type.table) ?? 0,
  }))
  const empty = tables.filter(({ rows }) => rows === 0).map(({ relation }) => relation)
  await dropTables(connection, ['batch_lines', 'batch_exact_lines', ...empty])
  return {
    lines: [...counts.values()].reduce((sum, rows) => sum + rows, 0),
    tables: tables.filter(({ rows }) => rows > 0),
    invalid: counts.get(null) ?? 0,
  }
}

export async function dropTables(connection: DuckDBConnection, names: readonly string[]): Promise<void> {
  await execute(connection, names.map((name) => `DROP TABLE IF EXISTS temp.${name}`).join('; '))
}

function validRows(type: EventType): string {
  const key = type.key ? `"${type.key}"` : 'NULL::VARCHAR'
  const at = type.time ? `coalesce("${type.time}", received_at)` : 'received_at'
  return `SELECT seq, _log_partition AS log_partition, _log_offset AS log_offset, raw_batch, raw_line, event_id, received_at, ${literal(type.type)} AS type, _wait AS wait,
    ${literal(type.table)} AS table_name, _content_hash AS content_hash, ${key} AS key, ${at} AS order_at,
    NULL::VARCHAR AS reason, NULL::VARCHAR AS field, NULL::VARCHAR AS message, NULL::VARCHAR AS text FROM ${typeTable(type)}`
}

const INVALID_ROWS = `SELECT _seq AS seq, log_partition, log_offset, raw_batch, raw_line, event_id, received_at, type, wait,
  NULL::VARCHAR AS table_name, _hash AS content_hash, NULL::VARCHAR AS key, NULL::TIMESTAMPTZ AS order_at,
  _reason AS reason, _field AS field, _message AS message, _text AS text FROM batch_exact_lines WHERE _reason IS NOT NULL`

const NO_ROWS = `SELECT seq, log_partition, log_offset, raw_batch, raw_line, event_id, 0::BIGINT AS id_hash, received_at, type, wait,
    table_name, content_hash, key, order_at, reason, field, message, text FROM (
  SELECT 0 AS seq, 0 AS log_partition, 0::BIGINT AS log_offset, '' AS raw_batch, 0 AS raw_line, '' AS event_id, NULL::TIMESTAMPTZ AS received_at, '' AS type, false AS wait,
    '' AS table_name, 0::BIGINT AS content_hash, '' AS key, NULL::TIMESTAMPTZ AS order_at, '' AS reason, '' AS field, '' AS message, '' AS text) WHERE false`

async function places(connection: DuckDBConnection, select: string): Promise<number[]> {
  const rows = await queryTuples(connection, select)
  return rows.map(([seq]) => Number(seq)).sort((a, b) => a - b)
}

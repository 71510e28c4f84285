import { stat } from 'node:fs/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { EventType, EventTypes } from '@sluice/events'
import { DuckdbError } from '../duckdb/duckdb-error.ts'
import { execute, queryTuples } from '../duckdb/query.ts'
import { CREATE_INVALID_ROWS, createBatchRows, DROP_BATCH_ROWS, INVALID_ROWS } from './batch-rows.ts'
import { typeExactly } from './exact-batch.ts'
import { LineFile } from './line-file.ts'
import { LINES_TABLE, loadLines } from './raw-lines.ts'
import { typedRows, typeTable } from './type-table.ts'
import type { TypedBatch } from './typed-batch.ts'

export interface TypingOptions {
  /**
   * From how many rows of a type in a batch on SQL types them; fewer are typed in JavaScript, which needs no plan.
   * Default 700.
   */
  sql_from_rows?: number
}

/** Making a type's statement takes as long as typing about so many rows in JavaScript. */
const SQL_FROM_ROWS = 700
/** Loading the lines takes as long again. */
const SQL_FROM_LINES_PER_ROW = 2
/** Files are read for nothing but their number of lines up to here. */
const SMALL_FILE_BYTES = 4_000_000

/**
 * Types the raw lines of an NDJSON file (`{"p":<log partition>,"o":<log offset>,"batch":…`, then as `RawLine`) into
 * temporary tables and a view of the connection, as `TypedBatch` says; they take the place of those of the batch before.
 * SQL converts what it is certain of, `exactLine` the other lines, one by one: those that SQL finds unclear, rare types,
 * and all lines if SQL fails. What is wrong with a line hurts only itself. The session's time zone does not matter.
 * Throws `DuckdbError` where not the lines are to blame.
 */
export async function typeBatch(
  connection: DuckDBConnection,
  { path }: { path: string },
  types: EventTypes,
  { sql_from_rows = SQL_FROM_ROWS }: TypingOptions = {},
): Promise<TypedBatch> {
  const { size } = await stat(path)
  const small = size <= SMALL_FILE_BYTES ? await LineFile.read(path) : undefined
  const few = small !== undefined && small.lines < sql_from_rows * SQL_FROM_LINES_PER_ROW
  await execute(connection, CREATE_INVALID_ROWS)
  const sql = few ? undefined : await typeBySql(connection, path, types, sql_from_rows)
  const rows = sql?.rows ?? new Map<EventType, number>()
  const done = async (lines: number, invalid: number) => {
    await execute(connection, createBatchRows(rows.keys(), { few }))
    return typedBatch(lines, rows, invalid)
  }
  if (sql && sql.unclear.length === 0) return done(sql.lines, 0)
  const file = small ?? (await LineFile.read(path))
  const places = sql?.unclear ?? Array.from({ length: file.lines }, (_, place) => place)
  const exact = await typeExactly(connection, file, places, types, new Set(rows.keys()))
  for (const [type, more] of exact.rows) rows.set(type, (rows.get(type) ?? 0) + more)
  return done(file.lines, exact.invalid)
}

function typedBatch(lines: number, counts: ReadonlyMap<EventType, number>, invalid: number): TypedBatch {
  const tables = [...counts].map(([type, rows]) => ({
    type: type.type,
    table: type.table,
    relation: typeTable(type),
    rows,
  }))
  return { lines, tables, invalid }
}

/** Frees what `typeBatch` left in the connection. */
export async function dropTyped(connection: DuckDBConnection, { tables }: TypedBatch): Promise<void> {
  const names = tables.map(({ relation }) => relation)
  await execute(connection, DROP_BATCH_ROWS)
  await dropTables(connection, names)
}

interface SqlTyped {
  lines: number
  /** Rows typed, by type; only types with rows. */
  rows: Map<EventType, number>
  /** Places of the other lines. */
  unclear: number[]
}

/** `undefined` if SQL failed: some line may be to blame. */
async function typeBySql(
  connection: DuckDBConnection,
  path: string,
  types: EventTypes,
  from_rows: number,
): Promise<SqlTyped | undefined> {
  try {
    await execute(connection, loadLines(path))
    const counted = await queryTuples(connection, `SELECT type, count(*) FROM ${LINES_TABLE} GROUP BY type`)
    const common = counted.flatMap(([type, count]) =>
      Number(count) < from_rows ? [] : (types.get(String(type)) ?? []),
    )
    const rows = new Map<EventType, number>()
    for (const type of common) {
      const count = await typeRows(connection, type)
      if (count > 0) rows.set(type, count)
    }
    const typed = [...rows.values()].reduce((sum, count) => sum + count, 0)
    const lines = counted.reduce((sum, [, count]) => sum + Number(count), 0)
    const unclear = typed === lines ? [] : await queryTuples(connection, unclearLines(rows.keys()))
    await dropTables(connection, [LINES_TABLE])
    return { lines, rows, unclear: unclear.map(([seq]) => Number(seq)) }
  } catch (error) {
    if (!(error instanceof DuckdbError) || !OF_LINES.has(error.code)) throw error
    return undefined
  }
}

/** Codes of errors that a line can be the cause of, rather than the machine or who called. */
const OF_LINES: ReadonlySet<string> = new Set(['invalid_value', 'invalid_query', 'failed'])

function unclearLines(typed: Iterable<EventType>): string {
  const clear = [`SELECT seq FROM ${INVALID_ROWS}`, ...[...typed].map((type) => `SELECT seq FROM ${typeTable(type)}`)]
  return `SELECT rowid FROM ${LINES_TABLE} WHERE rowid NOT IN (${clear.join(' UNION ALL ')}) ORDER BY 1`
}

async function typeRows(connection: DuckDBConnection, type: EventType): Promise<number> {
  const table = typeTable(type)
  await execute(connection, `CREATE OR REPLACE TEMP TABLE ${table} AS ${typedRows(type)}`)
  const [counts] = await queryTuples(connection, `SELECT count(*) FILTER (_ok), count(*) FROM ${table}`)
  const [certain, all] = counts ?? []
  if (certain !== all) await execute(connection, `DELETE FROM ${table} WHERE _ok IS NOT TRUE`)
  if (certain === 0) await dropTables(connection, [table])
  return Number(certain)
}

async function dropTables(connection: DuckDBConnection, names: readonly string[]): Promise<void> {
  await execute(connection, names.map((name) => `DROP TABLE IF EXISTS temp.${name}`).join('; '))
}

import './byte-order-mark.ts'
import type { DuckDBConnection, DuckDBDataChunk, DuckDBResultReader, DuckDBValue } from '@duckdb/node-api'
import { duckdbErrorFrom } from './duckdb-error.ts'
import { type Longs, type PlainValue, plainValue } from './plain-value.ts'

export type PlainRow = Record<string, PlainValue>
export type QueryValues = DuckDBValue[] | Record<string, DuckDBValue>

/** Runs one or more statements. Throws `DuckdbError`, as all functions here. */
export async function execute(connection: DuckDBConnection, sql: string, values?: QueryValues): Promise<number> {
  try {
    return (await connection.run(sql, values)).rowsChanged
  } catch (error) {
    throw duckdbErrorFrom(error)
  }
}

/** The whole result, as DuckDB's values. */
export async function readAll(
  connection: DuckDBConnection,
  sql: string,
  values?: QueryValues,
): Promise<DuckDBResultReader> {
  try {
    return await connection.runAndReadAll(sql, values)
  } catch (error) {
    throw duckdbErrorFrom(error)
  }
}

/** All rows as plain objects; for results that are known to be small. */
export async function queryRows(
  connection: DuckDBConnection,
  sql: string,
  options: { values?: QueryValues; longs?: Longs } = {},
): Promise<PlainRow[]> {
  const rows: PlainRow[] = []
  for await (const chunk of queryChunks(connection, sql, options)) rows.push(...chunk)
  return rows
}

/** The first column as plain values. */
export async function queryColumn(
  connection: DuckDBConnection,
  sql: string,
  values?: QueryValues,
): Promise<PlainValue[]> {
  const rows = await queryTuples(connection, sql, values)
  return rows.map(([value]) => value ?? null)
}

/** All rows as arrays. */
export async function queryTuples(
  connection: DuckDBConnection,
  sql: string,
  values?: QueryValues,
): Promise<PlainValue[][]> {
  const reader = await readAll(connection, sql, values)
  return reader.getRows().map((row) => row.map((value) => plainValue(value, 'safe')))
}

/** Streams the rows in chunks of at most 2,048, in bounded memory. */
export async function* queryChunks(
  connection: DuckDBConnection,
  sql: string,
  { values, longs = 'safe' }: { values?: QueryValues; longs?: Longs } = {},
): AsyncGenerator<PlainRow[]> {
  try {
    const result = await connection.stream(sql, values)
    const names = result.deduplicatedColumnNames()
    for (;;) {
      const chunk = await result.fetchChunk()
      if (!chunk || chunk.rowCount === 0) return
      yield rowsOf(chunk, names, longs)
    }
  } catch (error) {
    throw duckdbErrorFrom(error)
  }
}

function rowsOf(chunk: DuckDBDataChunk, names: readonly string[], longs: Longs): PlainRow[] {
  const rows: PlainRow[] = Array.from({ length: chunk.rowCount }, () => ({}))
  for (const [column, name] of names.entries()) {
    // Assigning to __proto__ would set what it says instead of a member.
    const plain = name !== '__proto__'
    chunk.visitColumnValues(column, (value, at) => {
      const row = rows[at] ?? {}
      if (plain) row[name] = plainValue(value, longs)
      else Object.defineProperty(row, name, { value: plainValue(value, longs), enumerable: true })
    })
  }
  return rows
}

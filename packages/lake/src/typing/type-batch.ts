import type { DuckDBConnection } from '@duckdb/node-api'
import type { EventType, EventTypes } from '@sluice/events'
import { collectRows, dropTables, loadLines, typeLines } from './batch-tables.ts'
import { mayBeOfLines, typeExactly } from './exact-batch.ts'
import { LineFile } from './line-file.ts'
import type { TypedBatch } from './typed-batch.ts'

/**
 * Types the raw lines of an NDJSON file (`{"p":<log partition>,"o":<log offset>,"batch":…`, as `RawLine`) into temporary
 * tables of the connection, as `TypedBatch` says; they take the place of the batch before. SQL converts what it is
 * certain of; the other lines are rewritten one by one (`exactLine`), and a line that the engine fails on hurts only
 * itself. Needs the folder of the file for a moment; the session's time zone does not matter.
 * Throws `DuckdbError` where not the lines are to blame.
 */
export async function typeBatch(
  connection: DuckDBConnection,
  { path }: { path: string },
  types: EventTypes,
): Promise<TypedBatch> {
  const { typed, uncertain } = await typeBySql(connection, path, types)
  if (uncertain?.length === 0) return collectRows(connection, typed, false)
  const file = await LineFile.read(path)
  const places = uncertain ?? Array.from({ length: file.lines }, (_, place) => place)
  return collectRows(connection, await typeExactly(connection, file, places, types, new Set(typed)), true)
}

/** Frees what `typeBatch` left in the connection. */
export async function dropTyped(connection: DuckDBConnection, { tables }: TypedBatch): Promise<void> {
  await dropTables(connection, ['batch_rows', ...tables.map(({ relation }) => relation)])
}

/** `uncertain` left out: SQL failed, and it is not known on which line. */
async function typeBySql(
  connection: DuckDBConnection,
  path: string,
  types: EventTypes,
): Promise<{ typed: EventType[]; uncertain?: number[] }> {
  try {
    const typed = await loadLines(connection, 'batch_lines', { path }, types)
    return { typed, uncertain: await typeLines(connection, typed) }
  } catch (error) {
    if (!mayBeOfLines(error)) throw error
    return { typed: [] }
  }
}

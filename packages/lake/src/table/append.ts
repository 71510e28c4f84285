import type { DuckDBConnection } from '@duckdb/node-api'
import type { LakeTable } from './lake-table.ts'
import type { WrittenFile } from './parquet-file.ts'
import { type Attempt, addOf, type WriteOptions, type WriteOutcome, write } from './write-outcome.ts'

/** Adds the rows of a SELECT, in its order, as one file. */
export async function append(
  table: LakeTable,
  select: string,
  { connection, ...options }: WriteOptions & { connection?: DuckDBConnection },
): Promise<WriteOutcome> {
  const file = connection
    ? await table.writeFile(connection, select)
    : await table.lake.database.withConnection((own) => table.writeFile(own, select))
  const outcome = await appendFiles(table, file ? [file] : [], options)
  if (outcome.kind !== 'committed' && file) await table.lake.store.delete([table.key(file.path)])
  return outcome
}

/** Adds files written before by `writeFile`; they stay where they are whatever the outcome. */
export function appendFiles(
  table: LakeTable,
  files: readonly WrittenFile[],
  options: WriteOptions,
): Promise<WriteOutcome> {
  const inserted = files.reduce((sum, { rows }) => sum + rows, 0)
  const attempt = async (): Promise<Attempt> => ({
    actions: files.map((file) => addOf(file, table.lake.now())),
    operation: 'WRITE',
    parameters: { mode: 'Append' },
    reads: { kind: 'nothing' },
    rows: { inserted, updated: 0, deleted: 0 },
    written: [],
  })
  return write(table, options, attempt, { blind: true })
}

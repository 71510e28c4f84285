import type { DuckDBConnection } from '@duckdb/node-api'
import { type AddFile, DeltaError } from '@sluice/delta'
import { LakeError } from './lake-error.ts'
import type { LakeTable } from './lake-table.ts'
import { rowsIn, type TableView } from './table-view.ts'
import { addOf, removeOf, type WriteOptions, type WriteOutcome, write } from './write-outcome.ts'

/** Replaces all rows by those of a SELECT (which may read the table's own view), in its order, as one file. */
export async function overwrite(
  table: LakeTable,
  select: string,
  { connection, ...options }: WriteOptions & { connection?: DuckDBConnection },
): Promise<WriteOutcome> {
  const file = connection
    ? await table.writeFile(connection, select)
    : await table.lake.database.withConnection((own) => table.writeFile(own, select))
  const outcome = await write(table, options, async (snapshot) => {
    const files = [...snapshot.files()]
    const removes = files.map((old) => removeOf(old, table.lake.now()))
    return {
      actions: file ? [...removes, addOf(file, table.lake.now())] : removes,
      operation: 'WRITE',
      parameters: { mode: 'Overwrite' },
      reads: { kind: 'table' },
      rows: { inserted: file?.rows ?? 0, updated: 0, deleted: rowsOf(files) },
      written: [],
    }
  })
  if (outcome.kind !== 'committed' && file) await table.lake.store.delete([table.key(file.path)])
  return outcome
}

/**
 * Makes the rows and columns of an older version the table's newest; its `txn` entries stay. Throws `version_gone` if
 * files of that version were cleaned up.
 */
export function restore(table: LakeTable, to: TableView, options: WriteOptions): Promise<WriteOutcome> {
  return write(table, options, async (snapshot) => {
    const wanted = new Map(to.files().map((file) => [file.path, file]))
    const gone = [...snapshot.files()].filter(({ path }) => !wanted.delete(path))
    const back = [...wanted.values()]
    await requireFiles(table, back)
    const now = table.lake.now()
    const { schemaString } = to.snapshot.metadata
    const metaData = { ...snapshot.metadata, schemaString }
    return {
      actions: [
        ...(schemaString === snapshot.metadata.schemaString ? [] : [{ metaData }]),
        ...gone.map((file) => removeOf(file, now)),
        ...back.map((file) => ({ add: { ...file, dataChange: true } })),
      ],
      operation: 'RESTORE',
      parameters: { version: to.version },
      reads: { kind: 'table' },
      rows: { inserted: rowsOf(back), updated: 0, deleted: rowsOf(gone) },
      written: [],
    }
  })
}

async function requireFiles(table: LakeTable, files: readonly AddFile[]): Promise<void> {
  for (const { path } of files)
    if (!(await table.lake.store.head(keyIn(table, path))))
      throw new LakeError(
        'version_gone',
        `table ${table.name}: file ${path} of that version was cleaned up; it cannot be restored`,
      )
}

function keyIn(table: LakeTable, path: string): string {
  try {
    return table.snapshot.key({ path })
  } catch (cause) {
    if (!(cause instanceof DeltaError)) throw cause
    throw new LakeError('unsupported', cause.message, { cause })
  }
}

const rowsOf = (files: readonly AddFile[]) => files.reduce((sum, file) => sum + (rowsIn(file) ?? 0), 0)

import type { DuckDBConnection } from '@duckdb/node-api'
import type { AddFile } from '@sluice/delta'
import { queryTuples } from '../duckdb/query.ts'
import { identifier, literal } from '../duckdb/sql-text.ts'
import type { Column } from './column-type.ts'
import { sqlType } from './column-type.ts'
import { MAX_FILE_ROWS, targetBytes } from './lake-parts.ts'
import type { LakeTable } from './lake-table.ts'
import type { WrittenFile } from './parquet-file.ts'
import { columnList } from './rewrite.ts'
import { rowsIn, TableView } from './table-view.ts'
import { addOf, removeOf, type WriteOptions, type WriteOutcome, write } from './write-outcome.ts'

export interface OptimizeOptions extends WriteOptions {
  /** Chooses the files to merge among the newest version's, or none; default: all. */
  choose?: (files: readonly AddFile[]) => readonly AddFile[] | undefined
  /** Bytes a new file should have; default: the table's `target_bytes`. */
  target_bytes?: number
  /** Columns to sort by; default: the table's `cluster_by`. The first one divides rows among files: each has a range of it. */
  range_by?: string | readonly string[]
}

/**
 * Rewrites files as fewer, sorted ones, without changing a row (`dataChange: false`). Appends at the same time do not
 * matter; if another commit removed one of the files, nothing is written and the outcome is `conflict`.
 */
export async function optimize(table: LakeTable, options: OptimizeOptions): Promise<WriteOutcome> {
  return table.lake.database.withConnection((connection) =>
    write(
      table,
      options,
      async (snapshot) => {
        const view = new TableView(table.name, snapshot, table.lake.store)
        const files = options.choose ? options.choose(view.files()) : view.files()
        if (!files || files.length === 0) return undefined
        const written: WrittenFile[] = []
        try {
          await rewriteSorted(connection, table, view, files, options, written)
        } catch (error) {
          await table.lake.store.delete(written.map(({ path }) => table.key(path)))
          throw error
        }
        const now = table.lake.now()
        return {
          actions: [
            ...files.map((file) => removeOf(file, now, false)),
            ...written.map((file) => addOf(file, now, false)),
          ],
          operation: 'OPTIMIZE',
          parameters: { zOrderBy: sortColumns(table, options).map(({ name }) => name) },
          reads: { kind: 'files', matches: () => false },
          isolation: 'SnapshotIsolation',
          rows: { inserted: 0, updated: 0, deleted: 0 },
          written: written.map(({ path }) => table.key(path)),
        }
      },
      { once: true },
    ),
  )
}

async function rewriteSorted(
  connection: DuckDBConnection,
  table: LakeTable,
  view: TableView,
  files: readonly AddFile[],
  options: OptimizeOptions,
  written: WrittenFile[],
): Promise<void> {
  const relation = await view.relation(files)
  const columns = sortColumns(table, options)
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  const rows = files.reduce((sum, file) => sum + (rowsIn(file) ?? 0), 0)
  const target_bytes = options.target_bytes ?? targetBytes(table.use)
  const parts = Math.max(1, Math.round(bytes / target_bytes), Math.ceil(rows / MAX_FILE_ROWS))
  const order = columns.length === 0 ? '' : ` ORDER BY ${columns.map(({ name }) => identifier(name)).join(', ')}`
  for (const condition of await rangesOf(connection, relation, columns[0], parts)) {
    const file = await table.write(
      connection,
      `SELECT ${columnList(view.columns)} FROM ${relation} WHERE ${condition}${order}`,
      view.columns,
    )
    if (file) written.push(file)
  }
}

/** Conditions that divide the rows into parts of about the same number; every row is in exactly one. */
async function rangesOf(
  connection: DuckDBConnection,
  relation: string,
  column: Column | undefined,
  parts: number,
): Promise<string[]> {
  if (parts === 1 || !column) return ['true']
  const name = identifier(column.name)
  const shares = Array.from({ length: parts - 1 }, (_, at) => (at + 1) / parts)
  // quantile_disc of a sample: no bound needs to be exact, each only needs to be a value.
  const [[values] = []] = await queryTuples(
    connection,
    `SELECT [value::VARCHAR FOR value IN quantile_disc(${name}, [${shares.join(', ')}])]
     FROM (SELECT ${name} FROM ${relation} USING SAMPLE 100000 ROWS (reservoir, 1))`,
  )
  const bounds = Array.isArray(values) ? [...new Set(values.filter((value) => typeof value === 'string'))] : []
  if (bounds.length === 0) return ['true']
  const cast = (value: string) => `${literal(value)}::${sqlType(column.type)}`
  return Array.from({ length: bounds.length + 1 }, (_, at) => {
    const [low, high] = [bounds[at - 1], bounds[at]]
    if (low === undefined) return `(${name} < ${cast(high ?? '')} OR ${name} IS NULL)`
    return high === undefined ? `${name} >= ${cast(low)}` : `${name} >= ${cast(low)} AND ${name} < ${cast(high)}`
  })
}

function sortColumns(table: LakeTable, { range_by }: OptimizeOptions): Column[] {
  const { cluster_by, time } = table.use
  const names = range_by ?? cluster_by ?? time ?? 'received_at'
  return [names].flat().flatMap((name) => table.columns.find((column) => column.name === name) ?? [])
}

import { execute, queryTuples } from '../duckdb/query.ts'
import { identifier, literal } from '../duckdb/sql-text.ts'
import { compareText, mayHoldText } from './key-bounds.ts'
import type { LakeTable } from './lake-table.ts'
import { selectAs } from './relation.ts'
import { columnList, replaceRows } from './rewrite.ts'
import { TableView } from './table-view.ts'
import { type WriteOptions, type WriteOutcome, write } from './write-outcome.ts'

export interface Replacement {
  /** All rows whose text column has one of these values leave the table. */
  column: string
  values: readonly string[]
  /** SELECT of the rows that enter. */
  select: string
}

let serial = 0

/** Replaces all rows of some values of a column by others, in one commit: a table that is computed from another one. */
export function replaceRowsOf(
  table: LakeTable,
  { column, values, select }: Replacement,
  options: WriteOptions,
): Promise<WriteOutcome> {
  const old = `replaced_${serial++}`
  const sorted = [...values].sort(compareText)
  const condition = `${identifier(column)} IN (${values.map(literal).join(', ') || 'NULL'})`
  return table.lake.database.withConnection((connection) =>
    write(table, options, async (snapshot) => {
      const view = new TableView(table.name, snapshot, table.lake.store)
      const files = view.files().filter((file) => mayHoldText(file, column, sorted))
      const list = columnList(view.columns)
      const place = files.length === 0 ? '0 AS _file, 0 AS _row' : 'file_index AS _file, file_row_number AS _row'
      await execute(
        connection,
        `CREATE OR REPLACE TEMP TABLE ${old} AS SELECT ${list}, ${place} FROM ${await view.relation(files)} WHERE ${condition}`,
      )
      const [[deleted, places] = []] = await queryTuples(
        connection,
        `SELECT count(*), list(DISTINCT _file) FROM ${old}`,
      )
      const hit = Array.isArray(places) ? places.map(Number) : []
      const entering = selectAs(select, view.columns)
      const [[inserted] = []] = await queryTuples(connection, `SELECT count(*) FROM (${entering})`)
      const changes = `SELECT ${list}, 'delete' AS _change_type FROM ${old} UNION ALL SELECT *, 'insert' FROM (${entering})`
      const written: string[] = []
      const actions = await replaceRows(connection, table, view, { files, hit, old, entering, changes }, written)
      return {
        actions,
        operation: 'WRITE',
        parameters: { mode: 'Overwrite', predicate: `${column} IN (${values.length} values)` },
        reads: { kind: 'files', matches: (file) => mayHoldText(file, column, sorted) },
        rows: { inserted: Number(inserted), updated: 0, deleted: Number(deleted) },
        written,
      }
    }),
  )
}

import type { DuckDBConnection } from '@duckdb/node-api'
import type { AddFile, Snapshot } from '@sluice/delta'
import { execute, queryColumn, queryTuples } from '../duckdb/query.ts'
import { identifier, literal } from '../duckdb/sql-text.ts'
import { compareText, mayHoldText } from './key-bounds.ts'
import type { LakeTable } from './lake-table.ts'
import { columnList, replaceRows } from './rewrite.ts'
import { TableView } from './table-view.ts'
import { type Attempt, type WriteOptions, type WriteOutcome, write } from './write-outcome.ts'

/**
 * Which rows: those for which an SQL expression over the table's columns is true, or those whose text column has one of
 * these values, which prunes files.
 */
export type RowChoice = { where: string } | { column: string; values: readonly string[] }

/** By column: SQL expression over the row as it was. */
export type NewValues = Readonly<Record<string, string>>

let serial = 0

/** Removes the chosen rows. */
export function deleteRows(table: LakeTable, choice: RowChoice, options: WriteOptions): Promise<WriteOutcome> {
  return changeRows(table, choice, undefined, options)
}

/** Gives the chosen rows new values. Rows that have them already are left alone. */
export function updateRows(
  table: LakeTable,
  choice: RowChoice,
  values: NewValues,
  options: WriteOptions,
): Promise<WriteOutcome> {
  return changeRows(table, choice, values, options)
}

async function changeRows(
  table: LakeTable,
  choice: RowChoice,
  values: NewValues | undefined,
  options: WriteOptions,
): Promise<WriteOutcome> {
  return table.lake.database.withConnection(async (connection) => {
    const old = `changed_${serial++}`
    try {
      return await write(table, options, (snapshot) => attempt(connection, table, snapshot, choice, values, old))
    } finally {
      await execute(connection, `DROP TABLE IF EXISTS ${old}`)
    }
  })
}

async function attempt(
  connection: DuckDBConnection,
  table: LakeTable,
  snapshot: Snapshot,
  choice: RowChoice,
  values: NewValues | undefined,
  old: string,
): Promise<Attempt | undefined> {
  const view = new TableView(table.name, snapshot, table.lake.store)
  const matches = filesFor(choice)
  const condition = conditionOf(view, choice, values)
  const files = await filesWithRows(connection, view, view.files().filter(matches), condition)
  if (files.length === 0) return undefined
  const list = columnList(view.columns)
  const relation = await view.relation(files)
  await execute(
    connection,
    `CREATE OR REPLACE TEMP TABLE ${old} AS SELECT ${list}, file_index AS _file, file_row_number AS _row FROM ${relation} WHERE ${condition}`,
  )
  const [[count, places] = []] = await queryTuples(connection, `SELECT count(*), list(DISTINCT _file) FROM ${old}`)
  const hit = Array.isArray(places) ? places.map(Number) : []
  const entering = values && `SELECT ${valueList(view, values)} FROM ${old}`
  const written: string[] = []
  const before = `SELECT ${list}, '${values ? 'update_preimage' : 'delete'}' AS _change_type FROM ${old}`
  const changes = entering ? `${before} UNION ALL SELECT *, 'update_postimage' FROM (${entering})` : before
  const actions = await replaceRows(connection, table, view, { files, hit, old, entering, changes }, written)
  const rows = { inserted: 0, updated: values ? Number(count) : 0, deleted: values ? 0 : Number(count) }
  return {
    actions,
    operation: values ? 'UPDATE' : 'DELETE',
    parameters: {
      predicate: 'where' in choice ? choice.where : `${choice.column} IN (${choice.values.length} values)`,
    },
    reads: { kind: 'files', matches },
    rows,
    written,
  }
}

function filesFor(choice: RowChoice): (file: AddFile) => boolean {
  if ('where' in choice) return () => true
  const sorted = [...choice.values].sort(compareText)
  return (file) => mayHoldText(file, choice.column, sorted)
}

function conditionOf({ columns }: TableView, choice: RowChoice, values: NewValues | undefined): string {
  const chosen =
    'where' in choice
      ? `(${choice.where})`
      : `${identifier(choice.column)} IN (${choice.values.map(literal).join(', ') || 'NULL'})`
  if (!values) return chosen
  const differs = columns
    .filter(({ name }) => Object.hasOwn(values, name))
    .map(({ name }) => `${identifier(name)} IS DISTINCT FROM (${values[name]})`)
  return `${chosen} AND (${differs.join(' OR ') || 'false'})`
}

const valueList = ({ columns }: TableView, values: NewValues) =>
  columns
    .map(({ name }) => (Object.hasOwn(values, name) ? `(${values[name]}) AS ${identifier(name)}` : identifier(name)))
    .join(', ')

async function filesWithRows(
  connection: DuckDBConnection,
  view: TableView,
  files: readonly AddFile[],
  condition: string,
): Promise<AddFile[]> {
  if (files.length === 0) return []
  const relation = await view.relation(files)
  const hit = await queryColumn(connection, `SELECT DISTINCT file_index FROM ${relation} WHERE ${condition} ORDER BY 1`)
  return hit.flatMap((at) => files[Number(at)] ?? [])
}

import type { DuckDBConnection } from '@duckdb/node-api'
import type { Action, AddFile } from '@sluice/delta'
import { identifier } from '../duckdb/sql-text.ts'
import type { Column } from './column-type.ts'
import { targetBytes } from './lake-parts.ts'
import type { LakeTable } from './lake-table.ts'
import type { WrittenFile } from './parquet-file.ts'
import { parquetRelation } from './relation.ts'
import type { TableView } from './table-view.ts'
import { addOf, removeOf } from './write-outcome.ts'

/** Folder of change files (PROTOCOL.md, Add CDC File). */
const CHANGE_FOLDER = '_change_data/'

/** Rows that leave a table, and rows that enter it in the same commit. */
export interface RowReplacement {
  /** The files that `old` points into. */
  files: readonly AddFile[]
  /** Places in `files` of those that do hold rows of `old`. */
  hit: readonly number[]
  /** Temporary table: the table's columns, `_file` (place in `files`) and `_row` (row number in it). */
  old: string
  /** SELECT of the rows that enter, the table's columns; left out: none. */
  entering?: string
  /** SELECT of all changed rows with `_change_type`, the table's columns. */
  changes: string
}

/**
 * Copy on write: each file that loses rows is written again without them, entering rows join the smallest of these or
 * stand alone, and a change file tells all of it.
 * @param written takes the keys of the new objects; if it throws there are none
 */
export async function replaceRows(
  connection: DuckDBConnection,
  table: LakeTable,
  view: TableView,
  replacement: RowReplacement,
  written: string[],
): Promise<Action[]> {
  try {
    return await rewriteFiles(connection, table, view, replacement, written)
  } catch (error) {
    await table.lake.store.delete(written)
    throw error
  }
}

async function rewriteFiles(
  connection: DuckDBConnection,
  table: LakeTable,
  view: TableView,
  replacement: RowReplacement,
  written: string[],
): Promise<Action[]> {
  const { files, hit, old, entering, changes } = replacement
  const target_bytes = targetBytes(table.use)
  const groups = groupsOf(files, hit, target_bytes)
  const actions: Action[] = []
  const added = (file: WrittenFile | undefined) => {
    if (!file) return
    written.push(table.key(file.path))
    actions.push(addOf(file, table.lake.now()))
  }
  const list = columnList(view.columns)
  let pending = entering && `SELECT ${list} FROM (${entering})`
  for (const group of groups) {
    const members = group.map((at) => ({ at, file: files[at] })).flatMap(({ at, file }) => (file ? [{ at, file }] : []))
    const paths = await view.paths(members.map(({ file }) => file))
    // An equality of two plain numbers: any expression here is computed for every row of the table.
    const leaving = `SELECT (list_position([${group.join(',')}], _file) - 1)::UBIGINT AS place, _row AS row FROM ${old} WHERE _file IN (${group.join(',')})`
    const kept = `SELECT ${columnList(view.columns, 't.')} FROM ${parquetRelation(paths, view.columns)} AS t
      ANTI JOIN (${leaving}) AS o ON o.place = t.file_index AND o.row = t.file_row_number`
    const joins = pending !== undefined && group === groups[0] && sizeOf(files, group) < target_bytes / 2
    const file = await table.write(connection, joins ? `${kept} UNION ALL ${pending}` : kept, view.columns)
    if (joins) pending = undefined
    for (const member of members) actions.push(removeOf(member.file, table.lake.now()))
    added(file)
  }
  if (pending !== undefined) added(await table.write(connection, pending, view.columns))
  if (groups.length > 0) {
    const columns: Column[] = [...view.columns, { name: '_change_type', type: 'string' }]
    const file = await table.write(connection, changes, columns, CHANGE_FOLDER)
    if (file) {
      written.push(table.key(file.path))
      actions.push({ cdc: { path: file.path, partitionValues: {}, size: file.size, dataChange: false } })
    }
  }
  return actions
}

export const columnList = (columns: readonly Column[], prefix = '') =>
  columns.map(({ name }) => `${prefix}${identifier(name)}`).join(', ')

/** Packs files, smallest first, into groups of bounded size; a large file is a group of its own. */
function groupsOf(files: readonly AddFile[], hit: readonly number[], target_bytes: number): number[][] {
  const bySize = [...hit].sort((a, b) => (files[a]?.size ?? 0) - (files[b]?.size ?? 0))
  const groups: number[][] = []
  let room = 0
  for (const at of bySize) {
    const size = files[at]?.size ?? 0
    const last = groups.at(-1)
    if (last && size <= room) {
      last.push(at)
      room -= size
    } else {
      groups.push([at])
      room = target_bytes - size
    }
  }
  return groups
}

const sizeOf = (files: readonly AddFile[], group: readonly number[]) =>
  group.reduce((sum, at) => sum + (files[at]?.size ?? 0), 0)

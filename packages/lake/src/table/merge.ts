import type { DuckDBConnection } from '@duckdb/node-api'
import type { AddFile, Reads, Snapshot } from '@sluice/delta'
import { execute, queryColumn, queryTuples } from '../duckdb/query.ts'
import { identifier } from '../duckdb/sql-text.ts'
import { compareText, mayHoldText } from './key-bounds.ts'
import { LakeError } from './lake-error.ts'
import type { LakeTable } from './lake-table.ts'
import { parquetRelation } from './relation.ts'
import { columnList, replaceRows } from './rewrite.ts'
import { localPaths, TableView } from './table-view.ts'
import { type Attempt, addOf, type WriteOptions, type WriteOutcome, write } from './write-outcome.ts'

/**
 * Candidate rows with the table's columns: files written by `writeFile` (they stay where they are and never become part
 * of a version), or a SELECT, on a connection where it needs its temporary tables.
 */
export type MergeSource = { files: readonly { path: string }[] } | { select: string; connection?: DuckDBConnection }

/** With more candidates than this, files are pruned by the range of the keys only. */
const MAX_KEYS_LISTED = 50_000
let serial = 0

/**
 * Newest wins: of all candidates and the row in the table, the one with the greatest (time, else received_at; then
 * event_id by its UTF-8 bytes) is the row of its key afterwards. A pure function of the rows ever merged: order, repetition and
 * grouping of merges make no difference. Touches only files that hold a replaced key.
 * Throws `invalid_rows` for candidates without key.
 */
export async function merge(table: LakeTable, source: MergeSource, options: WriteOptions): Promise<WriteOutcome> {
  const { key } = table.use
  if (key === undefined) throw new LakeError('invalid_rows', `table ${table.name} has no key to merge by`)
  const work = async (connection: DuckDBConnection) => {
    const names = temporaryNames()
    try {
      const keys = await loadCandidates(connection, table, key, await selectOf(table, source), names)
      if (keys.length > 0) await table.refresh()
      return await write(table, options, (snapshot) =>
        keys.length === 0 ? Promise.resolve(undefined) : attempt(connection, table, key, keys, names, snapshot),
      )
    } finally {
      await execute(
        connection,
        Object.values(names)
          .map((name) => `DROP TABLE IF EXISTS ${name}`)
          .join('; '),
      )
    }
  }
  const connection = 'connection' in source ? source.connection : undefined
  return connection ? work(connection) : table.lake.database.withConnection(work)
}

type Names = ReturnType<typeof temporaryNames>

const temporaryNames = () => {
  const id = `merge_${serial++}`
  return { candidates: `${id}_candidates`, old: `${id}_old`, winners: `${id}_winners` }
}

async function selectOf(table: LakeTable, source: MergeSource): Promise<string> {
  if ('select' in source) return source.select
  const paths = await localPaths(table.lake.store, table.root, source.files)
  return `SELECT * FROM ${parquetRelation(paths, table.columns)}`
}

/** The best candidate of each key, with its place in the order as `_at` and `_id`. @returns the keys, sorted */
async function loadCandidates(
  connection: DuckDBConnection,
  table: LakeTable,
  key: string,
  select: string,
  { candidates }: Names,
): Promise<string[]> {
  const k = identifier(key)
  await execute(
    connection,
    `CREATE TEMP TABLE ${candidates} AS SELECT ${columnList(table.columns)}, ${orderOf(table)} FROM (${select})
     QUALIFY row_number() OVER (PARTITION BY ${k} ORDER BY _at DESC, _id DESC) = 1`,
  )
  const [counts] = await queryTuples(
    connection,
    `SELECT count(*), count(${k}), min(${k}), max(${k}) FROM ${candidates}`,
  )
  const [count, withKey, least, greatest] = counts ?? []
  if (count !== withKey)
    throw new LakeError(
      'invalid_rows',
      `table ${table.name}: a row without ${key} came to be merged; its key says which row it is`,
    )
  if (Number(count) > MAX_KEYS_LISTED) return [String(least), String(greatest)]
  const keys = await queryColumn(connection, `SELECT ${k}::VARCHAR FROM ${candidates}`)
  return keys.map(String).sort(compareText)
}

function orderOf(table: LakeTable, prefix = ''): string {
  const { time } = table.use
  const instants = [time, 'received_at'].filter(
    (name) => name !== undefined && table.columns.some((column) => column.name === name),
  )
  const columns = instants.map((name) => `${prefix}${identifier(name ?? '')}`)
  return `coalesce(${[...columns, "'-infinity'::TIMESTAMPTZ"].join(', ')}) AS _at, coalesce(${prefix}event_id, '') AS _id`
}

async function attempt(
  connection: DuckDBConnection,
  table: LakeTable,
  key: string,
  keys: readonly string[],
  names: Names,
  snapshot: Snapshot,
): Promise<Attempt | undefined> {
  const view = new TableView(table.name, snapshot, table.lake.store)
  const matches = holdsKeys(table, key, keys)
  const files = await filesWithKeys(connection, table, view, key, view.files().filter(matches), names)
  await loadOld(connection, table, view, key, files, names)
  const rows = await decide(connection, key, names)
  if (rows.inserted + rows.updated === 0) return undefined
  const written: string[] = []
  const list = columnList(table.columns)
  const reads: Reads = { kind: 'files', matches }
  if (rows.updated === 0) {
    const file = await table.writeFile(connection, `SELECT ${list} FROM ${names.winners}`)
    const actions = file ? [addOf(file, table.lake.now())] : []
    return { actions, operation: 'MERGE', reads, rows, written: file ? [table.key(file.path)] : [] }
  }
  const actions = await replaceRows(
    connection,
    table,
    view,
    {
      files,
      old: names.old,
      entering: `SELECT ${list} FROM ${names.winners}`,
      changes: `SELECT ${list}, 'update_preimage' AS _change_type FROM ${names.old}
        UNION ALL SELECT ${list}, CASE WHEN _updates THEN 'update_postimage' ELSE 'insert' END FROM ${names.winners}`,
    },
    written,
  )
  return { actions, operation: 'MERGE', reads, rows, written }
}

/** Statistics speak of strings; files are not pruned by keys of other types. */
function holdsKeys(table: LakeTable, key: string, keys: readonly string[]): (file: AddFile) => boolean {
  const column = table.columns.find(({ name }) => name === key)
  return column?.type === 'string' ? (file) => mayHoldText(file, key, keys) : () => true
}

/** Of the files that may hold the keys those that do; reads the key column only. */
async function filesWithKeys(
  connection: DuckDBConnection,
  table: LakeTable,
  view: TableView,
  key: string,
  files: readonly AddFile[],
  { candidates }: Names,
): Promise<AddFile[]> {
  if (files.length === 0) return []
  const k = identifier(key)
  const relation = parquetRelation(await view.paths(files), table.columns)
  const hit = await queryColumn(
    connection,
    `SELECT DISTINCT file_index FROM ${relation} AS t SEMI JOIN ${candidates} USING (${k}) ORDER BY 1`,
  )
  return hit.flatMap((at) => files[Number(at)] ?? [])
}

async function loadOld(
  connection: DuckDBConnection,
  table: LakeTable,
  view: TableView,
  key: string,
  files: readonly AddFile[],
  { candidates, old }: Names,
): Promise<void> {
  const place = files.length === 0 ? '0 AS _file, 0 AS _row' : 't.file_index AS _file, t.file_row_number AS _row'
  const relation = parquetRelation(await view.paths(files), table.columns)
  await execute(
    connection,
    `CREATE OR REPLACE TEMP TABLE ${old} AS SELECT ${columnList(table.columns, 't.')}, ${orderOf(table, 't.')}, ${place}
     FROM ${relation} AS t SEMI JOIN ${candidates} USING (${identifier(key)})`,
  )
}

/** Leaves in `winners` the candidates that are newer than what is there, and in `old` the rows they replace. */
async function decide(
  connection: DuckDBConnection,
  key: string,
  { candidates, old, winners }: Names,
): Promise<{ inserted: number; updated: number; deleted: number }> {
  const k = identifier(key)
  await execute(
    connection,
    `CREATE OR REPLACE TEMP TABLE ${winners} AS
       SELECT c.*, EXISTS (SELECT 1 FROM ${old} AS o WHERE o.${k} = c.${k}) AS _updates FROM ${candidates} AS c
       WHERE NOT EXISTS (SELECT 1 FROM ${old} AS o WHERE o.${k} = c.${k} AND (o._at > c._at OR (o._at = c._at AND o._id >= c._id)));
     DELETE FROM ${old} WHERE ${k} NOT IN (SELECT ${k} FROM ${winners})`,
  )
  const [counts] = await queryTuples(
    connection,
    `SELECT count(*) FILTER (NOT _updates), count(*) FILTER (_updates) FROM ${winners}`,
  )
  return { inserted: Number(counts?.[0] ?? 0), updated: Number(counts?.[1] ?? 0), deleted: 0 }
}

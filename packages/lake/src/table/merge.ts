import type { DuckDBConnection } from '@duckdb/node-api'
import type { AddFile, Reads } from '@sluice/delta'
import { execute, queryColumn, queryTuples } from '../duckdb/query.ts'
import { identifier } from '../duckdb/sql-text.ts'
import { compareText, mayHoldRange, mayHoldText } from './key-bounds.ts'
import { LakeError } from './lake-error.ts'
import type { TableUse } from './lake-parts.ts'
import type { LakeTable } from './lake-table.ts'
import { parquetRelation, selectAs } from './relation.ts'
import { columnList, replaceRows } from './rewrite.ts'
import { TableView } from './table-view.ts'
import { type Attempt, type RowCounts, type WriteOptions, type WriteOutcome, write } from './write-outcome.ts'

/**
 * Candidate rows with the table's columns: files written by `writeFile` (they stay where they are and never become part
 * of a version), or a SELECT, on a connection where it needs its temporary tables.
 */
export type MergeSource = { files: readonly { path: string }[] } | { select: string; connection?: DuckDBConnection }

/** With more candidates than this, files are pruned by the range of the keys only. */
const MAX_KEYS_LISTED = 50_000
/** Files of no more than this together are read whole, without looking at their keys first. */
const READ_AT_ONCE_BYTES = 1_000_000
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
  const names = temporaryNames()
  const work = async (connection: DuckDBConnection) => {
    let loaded: { schema: string; keys: CandidateKeys } | undefined
    return write(table, options, async (snapshot) => {
      const view = new TableView(table.name, snapshot, table.lake.store)
      const schema = snapshot.metadata.schemaString
      if (loaded?.schema !== schema)
        loaded = {
          schema,
          keys: await loadCandidates(connection, view, table.use, await selectOf(view, source), names),
        }
      return loaded.keys.count === 0 ? undefined : attempt(connection, table, view, key, loaded.keys, names)
    })
  }
  const shared = 'connection' in source ? source.connection : undefined
  // A connection of its own takes its temporary tables with it.
  if (!shared) return table.lake.database.withConnection(work)
  try {
    return await work(shared)
  } finally {
    const drops = Object.values(names).map((name) => `DROP TABLE IF EXISTS ${name}`)
    await execute(shared, drops.join('; '))
  }
}

interface CandidateKeys {
  count: number
  least: string
  greatest: string
  /** All of them; left out if they are too many. */
  sorted?: string[]
}

type Names = ReturnType<typeof temporaryNames>

const temporaryNames = () => {
  const id = `merge_${serial++}`
  return { candidates: `${id}_candidates`, old: `${id}_old`, winners: `${id}_winners` }
}

async function selectOf(view: TableView, source: MergeSource): Promise<string> {
  if ('select' in source) return selectAs(source.select, view.columns)
  return `SELECT * FROM ${parquetRelation(await view.paths(source.files), view.columns)}`
}

/** The best candidate of each key, with its place in the order as `_at` and `_id`. */
async function loadCandidates(
  connection: DuckDBConnection,
  view: TableView,
  use: TableUse,
  select: string,
  { candidates }: Names,
): Promise<CandidateKeys> {
  const k = identifier(use.key ?? '')
  await execute(
    connection,
    `CREATE OR REPLACE TEMP TABLE ${candidates} AS SELECT ${columnList(view.columns)}, ${orderOf(view, use)} FROM (${select})
     QUALIFY row_number() OVER (PARTITION BY ${k} ORDER BY _at DESC, _id DESC) = 1`,
  )
  const keys = await queryColumn(connection, `SELECT ${k}::VARCHAR FROM ${candidates} LIMIT ${MAX_KEYS_LISTED + 1}`)
  const sorted = keys.filter((value) => typeof value === 'string').sort(compareText)
  const [[nulls, count, least, greatest] = []] =
    keys.length > MAX_KEYS_LISTED
      ? await queryTuples(
          connection,
          `SELECT count(*) - count(${k}), count(*), min(${k})::VARCHAR, max(${k})::VARCHAR FROM ${candidates}`,
        )
      : [[keys.length - sorted.length, keys.length, sorted[0] ?? '', sorted.at(-1) ?? '']]
  if (nulls !== 0)
    throw new LakeError(
      'invalid_rows',
      `table ${view.name}: a row without ${use.key} came to be merged; its key says which row it is`,
    )
  const range = { count: Number(count), least: String(least), greatest: String(greatest) }
  return keys.length > MAX_KEYS_LISTED ? range : { ...range, sorted }
}

function orderOf({ columns }: TableView, { time }: TableUse, prefix = ''): string {
  const instants = [time, 'received_at'].flatMap((name) => columns.filter((column) => column.name === name))
  const at = instants.map(({ name }) => `${prefix}${identifier(name)}`)
  return `coalesce(${[...at, "'-infinity'::TIMESTAMPTZ"].join(', ')}) AS _at, coalesce(${prefix}event_id, '') AS _id`
}

async function attempt(
  connection: DuckDBConnection,
  table: LakeTable,
  view: TableView,
  key: string,
  keys: CandidateKeys,
  names: Names,
): Promise<Attempt | undefined> {
  const matches = holdsKeys(view, key, keys)
  const files = await filesWithKeys(connection, view, key, view.files().filter(matches), names)
  await loadOld(connection, view, table.use, files, names)
  const { rows, hit } = await decide(connection, key, names)
  if (rows.inserted + rows.updated === 0) return undefined
  const written: string[] = []
  const list = columnList(view.columns)
  const reads: Reads = { kind: 'files', matches }
  const replacement = {
    files,
    hit,
    old: names.old,
    entering: `SELECT ${list} FROM ${names.winners}`,
    changes: `SELECT ${list}, 'update_preimage' AS _change_type FROM ${names.old}
      UNION ALL SELECT ${list}, CASE WHEN _updates THEN 'update_postimage' ELSE 'insert' END FROM ${names.winners}`,
  }
  const actions = await replaceRows(connection, table, view, replacement, written)
  return { actions, operation: 'MERGE', reads, rows, written }
}

/** Statistics are compared as strings; files are not pruned by keys of other types. */
function holdsKeys({ columns }: TableView, key: string, keys: CandidateKeys): (file: AddFile) => boolean {
  const column = columns.find(({ name }) => name === key)
  if (column?.type !== 'string') return () => true
  const { sorted, least, greatest } = keys
  return sorted ? (file) => mayHoldText(file, key, sorted) : (file) => mayHoldRange(file, key, least, greatest)
}

/** Of the files that may hold the keys those that do; reads the key column only. Few bytes are not worth it. */
async function filesWithKeys(
  connection: DuckDBConnection,
  view: TableView,
  key: string,
  files: readonly AddFile[],
  { candidates }: Names,
): Promise<readonly AddFile[]> {
  if (files.reduce((sum, { size }) => sum + size, 0) <= READ_AT_ONCE_BYTES) return files
  const hit = await queryColumn(
    connection,
    `SELECT DISTINCT file_index FROM ${await view.relation(files)} AS t SEMI JOIN ${candidates} USING (${identifier(key)}) ORDER BY 1`,
  )
  return hit.flatMap((at) => files[Number(at)] ?? [])
}

async function loadOld(
  connection: DuckDBConnection,
  view: TableView,
  use: TableUse,
  files: readonly AddFile[],
  { candidates, old }: Names,
): Promise<void> {
  const place = files.length === 0 ? '0 AS _file, 0 AS _row' : 't.file_index AS _file, t.file_row_number AS _row'
  await execute(
    connection,
    `CREATE OR REPLACE TEMP TABLE ${old} AS SELECT ${columnList(view.columns, 't.')}, ${orderOf(view, use, 't.')}, ${place}
     FROM ${await view.relation(files)} AS t SEMI JOIN ${candidates} USING (${identifier(use.key ?? '')})`,
  )
}

/** Leaves in `winners` the candidates that are newer than what is there, and in `old` the rows they replace. */
async function decide(
  connection: DuckDBConnection,
  key: string,
  { candidates, old, winners }: Names,
): Promise<{ rows: RowCounts; hit: number[] }> {
  const k = identifier(key)
  await execute(
    connection,
    `CREATE OR REPLACE TEMP TABLE ${winners} AS
       SELECT c.*, EXISTS (SELECT 1 FROM ${old} AS o WHERE o.${k} = c.${k}) AS _updates FROM ${candidates} AS c
       WHERE NOT EXISTS (SELECT 1 FROM ${old} AS o WHERE o.${k} = c.${k} AND (o._at > c._at OR (o._at = c._at AND o._id >= c._id)));
     DELETE FROM ${old} WHERE ${k} NOT IN (SELECT ${k} FROM ${winners})`,
  )
  const [[inserted, updated, hit] = []] = await queryTuples(
    connection,
    `SELECT count(*) FILTER (NOT _updates), count(*) FILTER (_updates), (SELECT list(DISTINCT _file) FROM ${old}) FROM ${winners}`,
  )
  const rows = { inserted: Number(inserted), updated: Number(updated), deleted: 0 }
  return { rows, hit: Array.isArray(hit) ? hit.map(Number) : [] }
}

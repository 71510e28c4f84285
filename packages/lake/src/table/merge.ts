import type { DuckDBConnection } from '@duckdb/node-api'
import type { AddFile, Reads } from '@sluice/delta'
import { execute, queryTuples } from '../duckdb/query.ts'
import { identifier } from '../duckdb/sql-text.ts'
import { CandidateKeys } from './candidate-keys.ts'
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

export interface MergeOptions extends WriteOptions {
  /** A table of no more bytes is read whole; of larger ones only files that hold a candidate's key. Default 1 MB. */
  read_whole_bytes?: number
}

const READ_WHOLE_BYTES = 1_000_000
let serial = 0

/**
 * Newest wins: of all candidates and the row in the table, the one with the greatest (time, else received_at; then
 * event_id by its UTF-8 bytes) is the row of its key afterwards. A pure function of the rows ever merged: order,
 * repetition and grouping of merges make no difference. Rewrites only files that hold a replaced key.
 * Throws `invalid_rows` for candidates without key.
 */
export async function merge(table: LakeTable, source: MergeSource, options: MergeOptions): Promise<WriteOutcome> {
  const { key } = table.use
  if (key === undefined) throw new LakeError('invalid_rows', `table ${table.name} has no key to merge by`)
  const changes = `merge_${serial++}`
  const candidates = new CandidateKeys(`${changes}_candidates`, key)
  const work = (connection: DuckDBConnection) =>
    write(table, options, async (snapshot) => {
      const view = new TableView(table.name, snapshot, table.lake.store)
      let best = bestCandidates(view, table.use, await selectOf(view, source))
      let files = view.files()
      let matches: (file: AddFile) => boolean = () => true
      if (sizeOf(files) > (options.read_whole_bytes ?? READ_WHOLE_BYTES)) {
        await candidates.load(connection, best)
        if (candidates.count === 0) return undefined
        matches = candidates.matcher(view)
        files = await candidates.filesWith(connection, view, files.filter(matches))
        best = `FROM ${candidates.table}`
      }
      await execute(connection, await changesQuery(view, table.use, best, files, changes))
      return attempt(connection, table, view, { key, changes, files, reads: { kind: 'files', matches } })
    })
  const shared = 'connection' in source ? source.connection : undefined
  // A connection of its own takes its temporary tables with it.
  if (!shared) return table.lake.database.withConnection(work)
  try {
    return await work(shared)
  } finally {
    await execute(shared, `DROP TABLE IF EXISTS ${changes}; DROP TABLE IF EXISTS ${candidates.table}`)
  }
}

async function selectOf(view: TableView, source: MergeSource): Promise<string> {
  if ('select' in source) return selectAs(source.select, view.columns)
  return `SELECT * FROM ${parquetRelation(await view.paths(source.files), view.columns)}`
}

/** The best candidate of each key, with its place in the order as `_at` and `_id`. */
function bestCandidates(view: TableView, use: TableUse, select: string): string {
  return `SELECT ${columnList(view.columns)}, ${orderOf(view, use)} FROM (${select})
    QUALIFY row_number() OVER (PARTITION BY ${identifier(use.key ?? '')} ORDER BY _at DESC, _id DESC) = 1`
}

function orderOf({ columns }: TableView, { time }: TableUse, prefix = ''): string {
  const instants = [time, 'received_at'].flatMap((name) => columns.filter((column) => column.name === name))
  const at = instants.map(({ name }) => `${prefix}${identifier(name)}`)
  return `coalesce(${[...at, "'-infinity'::TIMESTAMPTZ"].join(', ')}) AS _at, coalesce(${prefix}event_id, '') AS _id`
}

/**
 * Makes the temporary table of changed rows: those that leave (`update_preimage`, with `_file` and `_row`) and those
 * that enter, which are the candidates newer than what is there.
 */
async function changesQuery(
  view: TableView,
  use: TableUse,
  best: string,
  files: readonly AddFile[],
  changes: string,
): Promise<string> {
  const k = identifier(use.key ?? '')
  const list = columnList(view.columns)
  const place = files.length === 0 ? '0 AS _file, 0 AS _row' : 't.file_index AS _file, t.file_row_number AS _row'
  return `CREATE OR REPLACE TEMP TABLE ${changes} AS WITH
    best AS MATERIALIZED (${best}),
    old AS MATERIALIZED (SELECT ${columnList(view.columns, 't.')}, ${orderOf(view, use, 't.')}, ${place}
      FROM ${await view.relation(files)} AS t SEMI JOIN best USING (${k})),
    winners AS MATERIALIZED (SELECT b.*, EXISTS (SELECT 1 FROM old AS o WHERE o.${k} = b.${k}) AS _updates FROM best AS b
      WHERE NOT EXISTS (SELECT 1 FROM old AS o WHERE o.${k} = b.${k} AND (o._at > b._at OR (o._at = b._at AND o._id >= b._id))))
    SELECT ${list}, 'update_preimage' AS _change_type, _file, _row FROM old SEMI JOIN winners USING (${k})
    UNION ALL SELECT ${list}, CASE WHEN _updates THEN 'update_postimage' ELSE 'insert' END, NULL, NULL FROM winners`
}

async function attempt(
  connection: DuckDBConnection,
  table: LakeTable,
  view: TableView,
  { key, changes, files, reads }: { key: string; changes: string; files: readonly AddFile[]; reads: Reads },
): Promise<Attempt | undefined> {
  const [[inserted, updated, withoutKey, places] = []] = await queryTuples(
    connection,
    `SELECT count(*) FILTER (_change_type = 'insert'), count(*) FILTER (_change_type = 'update_postimage'),
       count(*) FILTER (${identifier(key)} IS NULL), list(DISTINCT _file) FILTER (_file IS NOT NULL) FROM ${changes}`,
  )
  if (withoutKey !== 0)
    throw new LakeError(
      'invalid_rows',
      `table ${table.name}: a row without ${key} came to be merged; its key says which row it is`,
    )
  const rows: RowCounts = { inserted: Number(inserted), updated: Number(updated), deleted: 0 }
  if (rows.inserted + rows.updated === 0) return undefined
  const written: string[] = []
  const list = columnList(view.columns)
  const replacement = {
    files,
    hit: Array.isArray(places) ? places.map(Number) : [],
    old: changes,
    entering: `SELECT ${list} FROM ${changes} WHERE _file IS NULL`,
    changes: `SELECT ${list}, _change_type FROM ${changes}`,
  }
  const actions = await replaceRows(connection, table, view, replacement, written)
  return { actions, operation: 'MERGE', reads, rows, written }
}

const sizeOf = (files: readonly AddFile[]) => files.reduce((sum, { size }) => sum + size, 0)

import { type Action, DeltaError } from '@sluice/delta'
import { DuckdbError } from '../duckdb/duckdb-error.ts'
import type { PlainRow } from '../duckdb/query.ts'
import { queryChunks } from '../duckdb/query.ts'
import type { Column } from './column-type.ts'
import { requireForeignFit } from './foreign-files.ts'
import { LakeError } from './lake-error.ts'
import type { LakeTable } from './lake-table.ts'
import { mayHaveMapped, requireFreeNames, requirePlainChange, requirePlainColumns } from './plain-table.ts'
import { parquetRelation } from './relation.ts'
import { columnList } from './rewrite.ts'
import { localPaths, type TableView } from './table-view.ts'

/**
 * A row of the table as plain values (strings for decimals and longs, instants RFC 3339 in UTC with microseconds,
 * arrays for lists), and what became of it: `_change` is `upsert` (this is the row now) or `delete` (this was the row),
 * `_version` the table version that did it.
 */
export type ChangedRow = PlainRow & { _change: 'upsert' | 'delete'; _version: number }

export interface ChangesOptions {
  /** Columns wanted; default all. */
  columns?: readonly string[]
  /** Rows a chunk; default 5,000. */
  chunk_rows?: number
}

const CHUNK_ROWS = 5_000
/** Files that one statement reads; more follow in further statements. */
const FILES_AT_ONCE = 1_000

/** A file that tells changes of one version. */
interface ChangeSource {
  version: number
  path: string
}

interface VersionSources {
  added: ChangeSource[]
  removed: ChangeSource[]
  changed: ChangeSource[]
}

/**
 * The net row changes of the versions `from_exclusive` + 1 to `to_inclusive`, in chunks, in an order that is the same
 * whenever it is asked. Versions that only add files come as they are; once rows were changed or removed, each identity
 * (the key of a keyed table, else the event_id) comes once, as the last version left it. Commits that only rearrange
 * rows are no change. Throws `version_gone` if log entries or files of the range were cleaned up, and `unsupported` if a
 * version of it has what lake tables do not have: reload by `rowsAt`.
 */
export async function* changes(
  table: LakeTable,
  from_exclusive: number,
  to_inclusive: number,
  options: ChangesOptions = {},
): AsyncGenerator<ChangedRow[]> {
  if (to_inclusive > table.version) await table.refresh()
  if (to_inclusive > table.version)
    throw new LakeError(
      'version_not_found',
      `table ${table.name}: version ${to_inclusive} does not exist; the newest is ${table.version}`,
    )
  const sources = await goneAsLakeError(table, () => sourcesOf(table, from_exclusive, to_inclusive))
  const columns = wantedColumns(table.columns, options.columns)
  if (sources.removed.length + sources.changed.length > 0) {
    yield* stream(table, await collapsedQuery(table, sources, columns), options)
    return
  }
  for (let at = 0; at < sources.added.length; at += FILES_AT_ONCE) {
    const some = sources.added.slice(at, at + FILES_AT_ONCE)
    yield* stream(table, await sourceQuery(table, some, columns, `'upsert'`), options)
  }
}

/** All rows of a version as upserts, for a first load; memory, order and errors as with `changes`. */
export async function* rowsAt(
  table: LakeTable,
  view: TableView,
  options: ChangesOptions = {},
): AsyncGenerator<ChangedRow[]> {
  const columns = wantedColumns(view.columns, options.columns)
  const files = view.files()
  for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
    const relation = await view.relation(files.slice(at, at + FILES_AT_ONCE))
    yield* stream(
      table,
      `SELECT ${columnList(columns)}, 'upsert' AS _change, ${view.version} AS _version FROM ${relation}`,
      options,
    )
  }
}

async function sourcesOf(table: LakeTable, from_exclusive: number, to_inclusive: number): Promise<VersionSources> {
  const sources: VersionSources = { added: [], removed: [], changed: [] }
  requirePlainColumns(table.name, table.snapshot.metadata)
  requireFreeNames(table.name, table.columns)
  if (from_exclusive >= 0 && mayHaveMapped(table.snapshot.protocol))
    requirePlainColumns(table.name, (await table.delta.snapshot(from_exclusive)).metadata)
  for await (const { version, actions } of table.delta.commits(from_exclusive + 1, to_inclusive))
    collect(table.name, actions, version, sources)
  return sources
}

/** If a commit has change files, they hold all its changed rows (PROTOCOL.md, Add CDC File). */
function collect(name: string, actions: readonly Action[], version: number, sources: VersionSources): void {
  const hasChanges = actions.some((action) => 'cdc' in action)
  const telling = actions.filter((action) => {
    if ('cdc' in action || 'metaData' in action) return true
    if (hasChanges) return false
    return ('add' in action && action.add.dataChange) || ('remove' in action && action.remove.dataChange)
  })
  requirePlainChange(name, telling)
  for (const action of telling) {
    if ('cdc' in action) sources.changed.push({ version, path: action.cdc.path })
    if ('add' in action) sources.added.push({ version, path: action.add.path })
    if ('remove' in action) sources.removed.push({ version, path: action.remove.path })
  }
}

async function collapsedQuery(
  table: LakeTable,
  { added, removed, changed }: VersionSources,
  wanted: readonly Column[],
): Promise<string> {
  const identity = identityOf(table)
  const columns = [...wanted, ...identity.filter(({ name }) => !wanted.some((column) => column.name === name))]
  const parts = [
    await sourceQuery(table, added, columns, `'upsert'`),
    await sourceQuery(table, removed, columns, `'delete'`),
    // A preimage is the end of its identity, unless the same version gives it a new row.
    await sourceQuery(
      table,
      changed,
      columns,
      `CASE WHEN _change_type IN ('insert', 'update_postimage') THEN 'upsert' ELSE 'delete' END`,
      [{ name: '_change_type', type: 'string' }],
    ),
  ]
  const id = columnList(identity)
  return `SELECT ${columnList(wanted)}, _change, _version FROM (${parts.join(' UNION ALL ')})
    QUALIFY row_number() OVER (PARTITION BY ${id} ORDER BY _version DESC, _change DESC) = 1 ORDER BY _version, ${id}`
}

async function sourceQuery(
  table: LakeTable,
  sources: readonly ChangeSource[],
  columns: readonly Column[],
  change: string,
  further: readonly Column[] = [],
): Promise<string> {
  const paths = await localPaths(table.lake.store, table.root, sources)
  await requireForeignFit(table.snapshot.schema, sources, paths)
  const relation = parquetRelation(paths, [...columns, ...further])
  const version =
    sources.length === 0 ? '0' : `[${sources.map((source) => source.version).join(',')}][file_index::BIGINT + 1]`
  return `SELECT ${columnList(columns)}, ${change} AS _change, ${version} AS _version FROM ${relation}`
}

async function* stream(table: LakeTable, sql: string, options: ChangesOptions): AsyncGenerator<ChangedRow[]> {
  const size = options.chunk_rows ?? CHUNK_ROWS
  const connection = await table.lake.database.connect()
  try {
    let chunk: ChangedRow[] = []
    for await (const rows of queryChunks(connection, sql, { longs: 'text' })) {
      for (const row of rows) {
        chunk.push(changedRow(row))
        if (chunk.length < size) continue
        yield chunk
        chunk = []
      }
    }
    if (chunk.length > 0) yield chunk
  } catch (cause) {
    if (cause instanceof DuckdbError && cause.code === 'file_gone') throw gone(table, cause)
    throw cause
  } finally {
    connection.closeSync()
  }
}

function changedRow(row: PlainRow): ChangedRow {
  const change: Pick<ChangedRow, '_change' | '_version'> = {
    _change: row['_change'] === 'delete' ? 'delete' : 'upsert',
    _version: Number(row['_version']),
  }
  return Object.assign(row, change)
}

function identityOf(table: LakeTable): Column[] {
  const names = table.use.identity ?? [table.use.key ?? 'event_id']
  return names.map((name) => {
    const column = table.columns.find((candidate) => candidate.name === name)
    if (!column)
      throw new LakeError(
        'unsupported',
        `table ${table.name}: its changes cannot be told apart without a column ${name}`,
      )
    return column
  })
}

function wantedColumns(columns: readonly Column[], wanted: readonly string[] | undefined): Column[] {
  if (!wanted) return [...columns]
  return wanted.map((name) => {
    const column = columns.find((candidate) => candidate.name === name)
    if (!column) throw new LakeError('unsupported', `expected a column of the table; there is no ${name}`)
    return column
  })
}

async function goneAsLakeError<T>(table: LakeTable, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof DeltaError && ['missing_version', 'version_not_found'].includes(cause.code))
      throw gone(table, cause)
    throw cause
  }
}

const gone = (table: LakeTable, cause: Error) =>
  new LakeError(
    'version_gone',
    `table ${table.name}: log entries or files of these versions were cleaned up; reload the newest version`,
    { cause },
  )

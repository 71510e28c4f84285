import { randomUUID } from 'node:crypto'
import type { DuckDBConnection } from '@duckdb/node-api'
import { DeltaError, DeltaTable, type HistoryEntry, type Snapshot } from '@sluice/delta'
import { hyparquetCodec } from '@sluice/delta/hyparquet-codec'
import { addColumns } from './add-columns.ts'
import { append, appendFiles } from './append.ts'
import { type ChangedRow, type ChangesOptions, changes, rowsAt } from './changes.ts'
import { type Column, schemaOf } from './column-type.ts'
import { deleteRows, type NewValues, type RowChoice, updateRows } from './delete.ts'
import { versionOfFile } from './file-version.ts'
import { LakeError } from './lake-error.ts'
import type { LakeParts, TableUse } from './lake-parts.ts'
import { type MergeOptions, type MergeSource, merge } from './merge.ts'
import { type OptimizeOptions, optimize } from './optimize.ts'
import { overwrite, restore } from './overwrite.ts'
import { type WrittenFile, writeParquet } from './parquet-file.ts'
import { type Pin, pin, pins, unpin } from './pins.ts'
import { requireFreeNames } from './plain-table.ts'
import { selectAs } from './relation.ts'
import { SharedReads } from './shared-reads.ts'
import { TableView } from './table-view.ts'
import { Turns } from './turns.ts'
import { type Vacuumed, type VacuumOptions, vacuum } from './vacuum.ts'
import type { WriteOptions, WriteOutcome } from './write-outcome.ts'

export interface NewTable extends TableUse {
  columns: readonly Column[]
  /** Delta table properties besides the change data feed, which is always on. */
  properties?: Readonly<Record<string, string>>
  description?: string
}

/**
 * A table of the lake: a Delta log in an object store, its rows read and written by DuckDB. Holds the newest snapshot it
 * has seen; any number of these, in any number of processes, may stand for one table.
 */
export class LakeTable {
  readonly lake: LakeParts
  readonly use: TableUse
  readonly root: string
  readonly delta: DeltaTable
  /** What rewrites files: side by side one would lose to the other, and seconds of work with it. */
  readonly #rewrites = new Turns()
  readonly #reads = new SharedReads<ChangedRow>()
  #snapshot: Snapshot

  private constructor(lake: LakeParts, use: TableUse, delta: DeltaTable, snapshot: Snapshot) {
    this.lake = lake
    this.use = use
    this.root = delta.root
    this.delta = delta
    this.#snapshot = snapshot
  }

  /** Creates the table, or opens it if it is there and adds the columns it lacks. Throws `column_conflict`, `unsupported`. */
  static async create(lake: LakeParts, table: NewTable): Promise<LakeTable> {
    requireFreeNames(table.name, table.columns)
    const delta = deltaOf(lake, table.name)
    const { kind, snapshot } = await delta.create({
      schema: schemaOf(table.columns),
      tableId: randomUUID(),
      name: table.name,
      description: table.description,
      properties: { 'delta.enableChangeDataFeed': 'true', ...table.properties },
    })
    const opened = new LakeTable(lake, table, delta, snapshot)
    if (kind === 'exists') await opened.addColumns(table.columns)
    return opened
  }

  /** Throws `table_not_found`. */
  static async open(lake: LakeParts, use: TableUse): Promise<LakeTable> {
    const delta = deltaOf(lake, use.name)
    try {
      return new LakeTable(lake, use, delta, await delta.snapshot())
    } catch (cause) {
      if (!(cause instanceof DeltaError) || cause.code !== 'table_not_found') throw cause
      throw new LakeError('table_not_found', `there is no table ${use.name} in ${lake.store.location}`, { cause })
    }
  }

  get name(): string {
    return this.use.name
  }

  /** The newest snapshot seen. */
  get snapshot(): Snapshot {
    return this.#snapshot
  }

  get version(): number {
    return this.#snapshot.version
  }

  get table_id(): string {
    return this.#snapshot.tableId
  }

  get columns(): readonly Column[] {
    return this.#snapshot.schema.fields
  }

  /** Object key of a path relative to the table. */
  key(path: string): string {
    return `${this.root}/${path}`
  }

  /** Takes over a snapshot if it is newer. */
  adopt(snapshot: Snapshot): void {
    if (snapshot.tableId !== this.#snapshot.tableId || snapshot.version >= this.#snapshot.version)
      this.#snapshot = snapshot
  }

  /** Reads what others committed; costs one read that finds nothing if there is none. @returns the newest version */
  async refresh(): Promise<TableView> {
    try {
      this.adopt(await this.delta.update(this.#snapshot))
    } catch (error) {
      if (!(error instanceof DeltaError) || error.code !== 'snapshot_expired') throw error
      this.adopt(await this.delta.snapshot())
    }
    return this.view()
  }

  /** The newest version seen. */
  view(): TableView {
    return new TableView(this.name, this.#snapshot, this.lake.store)
  }

  /** An older version. Throws `version_not_found`, `version_gone`. */
  async at(asOf: { version: number } | { timestamp_ms: number }): Promise<TableView> {
    try {
      const version = 'version' in asOf ? asOf.version : await this.delta.versionAt(asOf.timestamp_ms)
      if (version === this.version) return this.view()
      return new TableView(this.name, await this.delta.snapshot(version), this.lake.store)
    } catch (cause) {
      // What else is wrong with an old version (a damaged entry, a feature) is wrong with it however often it is reloaded.
      if (!(cause instanceof DeltaError) || !ABSENT.has(cause.code)) throw cause
      const gone = cause.code === 'missing_version' || ('version' in asOf && asOf.version < this.version)
      throw new LakeError(gone ? 'version_gone' : 'version_not_found', cause.message, { cause })
    }
  }

  /** The newest versions, newest first, as far back as the log goes. */
  history(limit = 1_000): Promise<HistoryEntry[]> {
    return this.delta.history(limit)
  }

  /** The version whose commit added a file; see `versionOfFile`. */
  versionOfFile(path: string): Promise<number | undefined> {
    return versionOfFile(this, path)
  }

  /**
   * Writes the rows of a SELECT as a file of the table that no version holds yet; for `appendFiles` or `merge`. The
   * SELECT gives the table's columns by name, in any order; those that it lacks are NULL.
   * @returns `undefined` if there are no rows
   */
  async writeFile(connection: DuckDBConnection, select: string): Promise<WrittenFile | undefined> {
    return this.write(connection, selectAs(select, this.columns), this.columns)
  }

  /** As `writeFile`, of a SELECT that has just the given columns, under a folder of the table. */
  async write(
    connection: DuckDBConnection,
    select: string,
    columns: readonly Column[],
    folder = '',
  ): Promise<WrittenFile | undefined> {
    const local = await writeParquet(connection, select, columns, this.lake.scratch_path, this.use)
    if (!local) return undefined
    const path = `${folder}${randomUUID()}.parquet`
    await this.lake.store.putFile(this.key(path), local.path)
    return { path, size: local.size, rows: local.rows, stats: local.stats }
  }

  /** Adds the rows of a SELECT; see `append`. */
  append(select: string, options: WriteOptions & { connection?: DuckDBConnection } = {}): Promise<WriteOutcome> {
    return append(this, select, options)
  }

  /** Adds files written before; see `appendFiles`. */
  appendFiles(files: readonly WrittenFile[], options: WriteOptions = {}): Promise<WriteOutcome> {
    return appendFiles(this, files, options)
  }

  /** Merges candidate rows into a keyed table, the newest of each key wins; see `merge`. */
  merge(source: MergeSource, options: MergeOptions = {}): Promise<WriteOutcome> {
    return this.#rewrites.take(() => merge(this, source, options))
  }

  /** Removes rows; see `deleteRows`. */
  delete(choice: RowChoice, options: WriteOptions = {}): Promise<WriteOutcome> {
    return this.#rewrites.take(() => deleteRows(this, choice, options))
  }

  /** Changes rows; see `updateRows`. */
  update(choice: RowChoice, values: NewValues, options: WriteOptions = {}): Promise<WriteOutcome> {
    return this.#rewrites.take(() => updateRows(this, choice, values, options))
  }

  /** Replaces all rows; see `overwrite`. */
  overwrite(select: string, options: WriteOptions & { connection?: DuckDBConnection } = {}): Promise<WriteOutcome> {
    return overwrite(this, select, options)
  }

  /** Goes back to an older version; see `restore`. */
  restore(to: TableView, options: WriteOptions = {}): Promise<WriteOutcome> {
    return restore(this, to, options)
  }

  /** Merges files into fewer, sorted ones; see `optimize`. */
  optimize(options: OptimizeOptions = {}): Promise<WriteOutcome> {
    return this.#rewrites.take(() => optimize(this, options))
  }

  /** Deletes files that nobody needs any more; see `vacuum`. */
  vacuum(options: VacuumOptions = {}): Promise<Vacuumed> {
    return vacuum(this, options)
  }

  /** Net row changes between two versions; see `changes`. Several sinks of a process share what they read. */
  changes(from_exclusive: number, to_inclusive: number, options: ChangesOptions = {}): AsyncGenerator<ChangedRow[]> {
    const asked = JSON.stringify([this.#snapshot.tableId, from_exclusive, to_inclusive, options])
    return this.#reads.read(asked, () => changes(this, from_exclusive, to_inclusive, options))
  }

  /** All rows of a version as upserts; see `rowsAt`. */
  rowsAt(view: TableView, options?: ChangesOptions): AsyncGenerator<ChangedRow[]> {
    return rowsAt(this, view, options)
  }

  /** Keeps a version, and all changes after it, from being cleaned up; see `pin`. */
  pin(pinned: Pin): Promise<void> {
    return pin(this, pinned)
  }

  unpin(owner: string): Promise<void> {
    return unpin(this, owner)
  }

  pins(): Promise<Pin[]> {
    return pins(this)
  }

  /** Adds nullable columns that the table lacks; see `addColumns`. */
  addColumns(columns: readonly Column[], options: WriteOptions = {}): Promise<WriteOutcome> {
    return addColumns(this, columns, options)
  }
}

/** Codes of a version that the log does not have, or not any more. */
const ABSENT: ReadonlySet<string> = new Set(['missing_version', 'version_not_found'])

function deltaOf({ store, codec = hyparquetCodec, now }: LakeParts, name: string): DeltaTable {
  return new DeltaTable({ store, root: `lake/${name}`, codec, now })
}

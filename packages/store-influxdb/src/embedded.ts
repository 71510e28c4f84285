import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sameProgress } from '@sluice/store/same-progress'
import {
  type Answer,
  type ApplyOutcome,
  type ChangeBatch,
  type InventoryRow,
  type Progress,
  type Refusal,
  type Store,
  type StoredTable,
  StoreError,
} from '@sluice/store/store'
import { PointTable } from './embedded/point-table.ts'
import { translated } from './embedded/sqlite-error.ts'
import { questions } from './questions.ts'
import { type SeriesMapping, seriesMapping } from './series.ts'
import { windowSum } from './series-question.ts'

export interface EmbeddedSeriesOptions {
  /** The store's own folder, made if missing. One process at a time. */
  folder: string
  /** What `now` means in a question, in milliseconds since 1970. Default: the clock. */
  now?: () => number
}

/**
 * Opens the embedded time series store: SQLite.
 * Errors: `busy` (another process has it open), `corrupt` (not a database of ours), `no_space`.
 */
export async function openStore(options: EmbeddedSeriesOptions): Promise<Store> {
  return translated(() => {
    mkdirSync(options.folder, { recursive: true })
    const database = new DatabaseSync(join(options.folder, 'series.sqlite'), { timeout: 5_000 })
    return new EmbeddedSeries(database, options.now ?? Date.now)
  })
}

class EmbeddedSeries implements Store {
  readonly name = 'influxdb'
  readonly #database: DatabaseSync
  readonly #now: () => number
  readonly #tables = new Map<string, PointTable>()

  constructor(database: DatabaseSync, now: () => number) {
    this.#database = database
    this.#now = now
    // A power cut may take the last commits, data and progress together: the runner applies them again.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536')
    // A first load touches the index everywhere: with a longer log each page is copied back once for many changes.
    database.exec('PRAGMA wal_autocheckpoint = 16384')
    database.exec(
      `CREATE TABLE IF NOT EXISTS mirror (
         number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, mapping TEXT NOT NULL, progress TEXT)`,
    )
    this.#openTables()
  }

  async prepare(tables: readonly StoredTable[]): Promise<void> {
    this.#transaction(() => {
      for (const stored of tables) {
        const mapping = seriesMapping(stored)
        const known = this.#tables.get(stored.table)?.mapping
        if (known && JSON.stringify(known) === JSON.stringify(mapping)) continue
        if (known) this.#drop(stored.table)
        this.#addTable(stored.table, mapping)
      }
    })
  }

  async progress(): Promise<Record<string, Progress>> {
    return translated(() => {
      const found = this.#database.prepare('SELECT name, progress FROM mirror WHERE progress IS NOT NULL').all()
      return Object.fromEntries(
        found.map((row) => [String(row['name']), JSON.parse(String(row['progress'])) as Progress]),
      )
    })
  }

  async apply(batch: ChangeBatch): Promise<ApplyOutcome> {
    return this.#transaction((): ApplyOutcome => {
      const points = this.#points(batch.table)
      const actual = this.#progressOf(batch.table)
      if (!sameProgress(actual, batch.expected)) return { kind: 'superseded', actual }
      const refused: Refusal[] = []
      for (const change of batch.changes) {
        const refusal = points.write(change)
        if (refusal) refused.push(refusal)
      }
      this.#database
        .prepare('UPDATE mirror SET progress = ? WHERE name = ?')
        .run(JSON.stringify(batch.next), batch.table)
      return { kind: 'applied', refused }
    })
  }

  async forget(table: string): Promise<void> {
    this.#transaction(() => {
      const mapping = this.#tables.get(table)?.mapping
      if (!mapping) return
      this.#drop(table)
      this.#addTable(table, mapping)
    })
  }

  async refusals(table: string, after: string | undefined, limit: number): Promise<Refusal[]> {
    return translated(() => this.#points(table).refusals(after, limit))
  }

  async inventory(table: string, after: string | undefined, limit: number): Promise<InventoryRow[]> {
    return translated(() => this.#points(table).inventory(after, limit))
  }

  async ask(name: string, parameters: Readonly<Record<string, string>>, limit: number): Promise<Answer> {
    const asked = windowSum(name, parameters, this.#now())
    const columns = questions.find((question) => question.name === name)?.columns ?? []
    return translated(() => {
      const found = this.#tables.get(asked.table)?.sums(asked, limit) ?? { query: '', parameters: [], rows: [] }
      return {
        query: `${found.query}\n-- parameters: ${JSON.stringify(found.parameters.map(String))}`,
        columns,
        rows: found.rows.map(({ start, sum }) => ({ [asked.column]: asked.label(start), [asked.field]: sum })),
      }
    })
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close()
  }

  #openTables(): void {
    this.#tables.clear()
    for (const row of this.#database.prepare('SELECT number, name, mapping FROM mirror').all()) {
      const mapping: SeriesMapping = JSON.parse(String(row['mapping']))
      this.#tables.set(String(row['name']), new PointTable(this.#database, Number(row['number']), mapping))
    }
  }

  #addTable(table: string, mapping: SeriesMapping): void {
    const added = this.#database
      .prepare('INSERT INTO mirror (name, mapping) VALUES (?, ?) RETURNING number')
      .get(table, JSON.stringify(mapping))
    this.#tables.set(table, new PointTable(this.#database, Number(added?.['number']), mapping))
  }

  #points(table: string): PointTable {
    const points = this.#tables.get(table)
    if (!points)
      throw new StoreError('failed', `table ${table} is not known to the time series store: call prepare first`)
    return points
  }

  #progressOf(table: string): Progress | undefined {
    const text = this.#database.prepare('SELECT progress FROM mirror WHERE name = ?').get(table)?.['progress']
    return typeof text === 'string' ? (JSON.parse(text) as Progress) : undefined
  }

  #drop(table: string): void {
    const number = this.#database.prepare('DELETE FROM mirror WHERE name = ? RETURNING number').get(table)?.['number']
    if (number !== undefined) PointTable.drop(this.#database, Number(number))
    this.#tables.delete(table)
  }

  #transaction<T>(work: () => T): T {
    return translated(() => {
      this.#database.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        this.#database.exec('COMMIT')
        return result
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
        this.#openTables()
        throw error
      }
    })
  }
}

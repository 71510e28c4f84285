import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  type Answer,
  type ApplyOutcome,
  type ChangeBatch,
  type InventoryRow,
  type Progress,
  type Refusal,
  type Row,
  type Store,
  type StoredTable,
  StoreError,
} from '@sluice/store'
import { sameProgress } from '@sluice/store/same-progress'
import { type DocumentMapping, DocumentTable, documentMapping, prepareWrite } from './embedded/document-table.ts'
import { highlight } from './highlight.ts'
import { questions, searchPlans } from './questions.ts'
import { termsOf } from './text-analysis.ts'

export interface EmbeddedSearchOptions {
  /** The store's own folder, made if missing. One process at a time. */
  folder: string
}

/**
 * Opens the embedded search store: SQLite with FTS5.
 * Errors: `busy` (another process has it open), `corrupt` (not a database of ours), `no_space`.
 */
export async function openStore(options: EmbeddedSearchOptions): Promise<Store> {
  return translated(() => {
    mkdirSync(options.folder, { recursive: true })
    return new EmbeddedSearch(new DatabaseSync(join(options.folder, 'search.sqlite'), { timeout: 5_000 }))
  })
}

class EmbeddedSearch implements Store {
  readonly name = 'elasticsearch'
  readonly #database: DatabaseSync
  readonly #tables = new Map<string, DocumentTable>()

  constructor(database: DatabaseSync) {
    this.#database = database
    // A power cut may take the last commits, data and progress together: the runner applies them again.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32768')
    database.exec(
      `CREATE TABLE IF NOT EXISTS mirror (
         number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, mapping TEXT NOT NULL, progress TEXT)`,
    )
    this.#openTables()
  }

  async prepare(tables: readonly StoredTable[]): Promise<void> {
    this.#transaction(() => {
      for (const stored of tables) {
        const mapping = documentMapping(stored)
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
      return Object.fromEntries(found.map((row) => [String(row.name), JSON.parse(String(row.progress)) as Progress]))
    })
  }

  async apply(batch: ChangeBatch): Promise<ApplyOutcome> {
    return this.#transaction((): ApplyOutcome => {
      const documents = this.#documents(batch.table)
      const actual = this.#progressOf(batch.table)
      if (!sameProgress(actual, batch.expected)) return { kind: 'superseded', actual }
      const refused: Refusal[] = []
      for (const change of batch.changes) {
        const refusal = documents.write(change)
        if (refusal) refused.push(refusal)
      }
      prepareWrite(this.#database, 'UPDATE mirror SET progress = ? WHERE name = ?').run(
        JSON.stringify(batch.next),
        batch.table,
      )
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
    return translated(() => this.#documents(table).refusals(after, limit))
  }

  async inventory(table: string, after: string | undefined, limit: number): Promise<InventoryRow[]> {
    return translated(() => this.#documents(table).inventory(after, limit))
  }

  async ask(name: string, parameters: Readonly<Record<string, string>>, limit: number): Promise<Answer> {
    const question = questions.find((candidate) => candidate.name === name)
    const plan = searchPlans[name]
    if (!question || !plan) throw unknownQuestion(name)
    const value = parameters[plan.parameter]
    if (value === undefined) throw new StoreError('failed', `question ${name} needs the parameter ${plan.parameter}`)
    return translated(() => {
      const documents = this.#documents(plan.table)
      const terms = termsOf(value)
      const found =
        plan.match === 'item'
          ? documents.withItem(plan.field, value, limit)
          : documents.withTerms(plan.field, terms, limit)
      return {
        query: `${found.query}\n-- parameters: ${JSON.stringify(found.parameters)}`,
        columns: question.columns,
        rows: found.rows.map((row) =>
          answerRow(row, question.columns, highlight(String(row[plan.field] ?? ''), terms)),
        ),
      }
    })
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close()
  }

  #openTables(): void {
    this.#tables.clear()
    for (const row of this.#database.prepare('SELECT number, name, mapping FROM mirror').all()) {
      const mapping: DocumentMapping = JSON.parse(String(row.mapping))
      this.#tables.set(String(row.name), new DocumentTable(this.#database, Number(row.number), mapping))
    }
  }

  #addTable(table: string, mapping: DocumentMapping): void {
    const added = this.#database
      .prepare('INSERT INTO mirror (name, mapping) VALUES (?, ?) RETURNING number')
      .get(table, JSON.stringify(mapping))
    this.#tables.set(table, new DocumentTable(this.#database, Number(added?.number), mapping))
  }

  #documents(table: string): DocumentTable {
    const documents = this.#tables.get(table)
    if (!documents)
      throw new StoreError('failed', `table ${table} is not known to the search store: call prepare first`)
    return documents
  }

  #progressOf(table: string): Progress | undefined {
    const text = this.#database.prepare('SELECT progress FROM mirror WHERE name = ?').get(table)?.progress
    return typeof text === 'string' ? (JSON.parse(text) as Progress) : undefined
  }

  #drop(table: string): void {
    const number = this.#database.prepare('DELETE FROM mirror WHERE name = ? RETURNING number').get(table)?.number
    if (number !== undefined) DocumentTable.drop(this.#database, Number(number))
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

function answerRow(row: Row, columns: Answer['columns'], highlighted: string): Row {
  return Object.fromEntries(columns.map(({ name }) => [name, name === 'highlight' ? highlighted : (row[name] ?? null)]))
}

const unknownQuestion = (name: string): StoreError =>
  new StoreError(
    'unknown_question',
    `the search store answers ${questions.map((question) => question.name).join(', ')}; it was asked ${name}`,
  )

/** SQLite's errors as ours: by its primary result code (https://sqlite.org/rescode.html). */
function translated<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof StoreError || !(error instanceof Error)) throw error
    const resultCode = 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
    if (resultCode === 5 || resultCode === 6)
      throw new StoreError('busy', `another process uses the search store: ${error.message}`, {
        cause: error,
        retryable: true,
      })
    if (resultCode === 13)
      throw new StoreError('no_space', `no space left for the search store: ${error.message}`, {
        cause: error,
        retryable: true,
      })
    if (resultCode === 11 || resultCode === 26)
      throw new StoreError(
        'corrupt',
        `the search store's file is damaged; it is loaded anew from the tables: ${error.message}`,
        { cause: error },
      )
    throw new StoreError('failed', `the search store failed: ${error.message}`, { cause: error })
  }
}

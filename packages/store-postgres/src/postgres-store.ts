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
} from '@sluice/store'
import { answerRow } from './answer-row.ts'
import { applyChanges } from './apply-changes.ts'
import { allProgress, declare, layouts, lockProgress, migrate, setProgress } from './catalog.ts'
import { questions, sqlQuestions } from './questions.ts'
import { quoted } from './quoted.ts'
import type { SqlDatabase } from './sql-database.ts'
import { isDataError, storeErrorOf } from './sql-error.ts'
import { type TableLayout, tableName } from './table-layout.ts'

/** The SQL store on any PostgreSQL, in-process or a server's. */
export class PostgresStore implements Store {
  readonly name = 'postgres'
  readonly #database: SqlDatabase
  readonly #schema: string
  #layouts: ReadonlyMap<string, TableLayout>

  private constructor(database: SqlDatabase, schema: string, known: Map<string, TableLayout>) {
    this.#database = database
    this.#schema = schema
    this.#layouts = known
  }

  /** Brings the store's own tables in `schema` up to date. On failure the database is closed. */
  static async open(database: SqlDatabase, schema: string): Promise<PostgresStore> {
    try {
      await migrate(database, schema)
      return new PostgresStore(database, schema, await layouts(database))
    } catch (error) {
      await database.close()
      throw storeErrorOf(error)
    }
  }

  async prepare(tables: readonly StoredTable[]): Promise<void> {
    const declared = await translated(() =>
      this.#database.transaction((transaction) => declare(transaction, this.#schema, tables)),
    )
    this.#layouts = new Map([...this.#layouts, ...declared.map((layout) => [layout.table, layout] as const)])
  }

  progress(): Promise<Record<string, Progress>> {
    return translated(() => allProgress(this.#database))
  }

  async apply(batch: ChangeBatch): Promise<ApplyOutcome> {
    const layout = await this.#layout(batch.table)
    return translated(async () => {
      try {
        return await this.#database.transaction((it) => applyChanges(it, this.#schema, layout, batch, 'together'))
      } catch (error) {
        if (!isDataError(error)) throw error
        return this.#database.transaction((it) => applyChanges(it, this.#schema, layout, batch, 'divided'))
      }
    })
  }

  async forget(table: string): Promise<void> {
    const layout = await this.#layout(table)
    await translated(() =>
      this.#database.transaction(async (transaction) => {
        await lockProgress(transaction, table)
        await transaction.query(`TRUNCATE ${tableName(this.#schema, layout)}`)
        await transaction.query('DELETE FROM _absent WHERE table_name = $1', [table])
        await setProgress(transaction, table, undefined)
      }),
    )
  }

  async refusals(table: string, after: string | undefined, limit: number): Promise<Refusal[]> {
    const rows = await translated(() =>
      this.#database.query(
        `SELECT encode(identity, 'hex'), encode(event_id, 'hex'), reason FROM _absent
         WHERE table_name = $1 AND reason IS NOT NULL AND ($2::text IS NULL OR identity > decode($2, 'hex'))
         ORDER BY identity LIMIT $3`,
        [table, after === undefined ? null : Buffer.from(after).toString('hex'), limit],
      ),
    )
    return rows.map(([identity, event_id, reason]) => ({
      identity: textOf(identity),
      event_id: textOf(event_id),
      reason: String(reason),
    }))
  }

  async inventory(table: string, after: string | undefined, limit: number): Promise<InventoryRow[]> {
    const layout = await this.#layout(table)
    const fingerprint = layout.fingerprint.map((name) => `coalesce(${quoted(name)}, '')`).join(" || '|' || ")
    const id = quoted(layout.identity)
    // No stored text has NUL: what comes after `a\0b` is what comes after `a`.
    const [start = ''] = (after ?? '').toWellFormed().split('\0')
    const rows = await translated(() =>
      this.#database.query(
        `SELECT ${id}, ${fingerprint} FROM ${tableName(this.#schema, layout)}
         WHERE $1::text IS NULL OR ${id} > $1 ORDER BY ${id} LIMIT $2`,
        [after === undefined ? null : start, limit],
      ),
    )
    return rows.map(([identity, held]) => ({ identity: String(identity), fingerprint: String(held) }))
  }

  async ask(name: string, parameters: Readonly<Record<string, string>>, limit: number): Promise<Answer> {
    const question = questions.find((candidate) => candidate.name === name)
    const plan = sqlQuestions[name]
    if (!question || !plan) throw unknownQuestion(name)
    const values = question.parameters.map((parameter) => {
      const value = parameters[parameter.name] ?? parameter.default
      if (value === undefined) throw new StoreError('failed', `question ${name} needs the parameter ${parameter.name}`)
      return value
    })
    for (const table of plan.tables) await this.#layout(table)
    // No stored text has such characters, so nothing can match.
    const findable = values.every((value) => !value.includes('\0') && value.isWellFormed())
    const rows = findable ? await translated(() => this.#database.query(plan.sql, [...values, limit])) : []
    return {
      query: `${plan.sql}\n-- parameters: ${JSON.stringify([...values, limit])}`,
      columns: question.columns,
      rows: rows.map((row) => answerRow(row, question.columns)),
    }
  }

  close(): Promise<void> {
    return translated(() => this.#database.close())
  }

  /** Tables may have been prepared by another process meanwhile: a sink's, while this one answers questions. */
  async #layout(table: string): Promise<TableLayout> {
    const known = this.#layouts.get(table)
    if (known) return known
    this.#layouts = await translated(() => layouts(this.#database))
    const found = this.#layouts.get(table)
    if (!found) throw new StoreError('failed', `table ${table} is not known to the SQL store: call prepare first`)
    return found
  }
}

const textOf = (hex: string | null | undefined): string => Buffer.from(hex ?? '', 'hex').toString()

const unknownQuestion = (name: string): StoreError =>
  new StoreError(
    'unknown_question',
    `the SQL store answers ${questions.map((question) => question.name).join(', ')}; it was asked ${name}`,
  )

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw storeErrorOf(error)
  }
}

import type { ApplyOutcome, ChangeBatch, Refusal, RowChange } from '@sluice/store'
import { sameProgress } from '@sluice/store/same-progress'
import { lockProgress, setProgress } from './catalog.ts'
import { CopyLines } from './copy-line.ts'
import { quoted } from './quoted.ts'
import type { SqlTransaction } from './sql-database.ts'
import { isDataError } from './sql-error.ts'
import { columnDefinition, stagingName, type TableLayout, tableName } from './table-layout.ts'

/** Lines are handed to COPY in strings of about this length. */
const COPY_CHUNK_UNITS = 2 * 1024 * 1024

/** A row as it goes into the staging table. */
interface StagedRow {
  change: RowChange
  line: string
}

/** A row that is not to be in the table: deleted, or refused for a reason. */
interface GoneRow {
  change: RowChange
  refused?: string
}

/**
 * How rows are written.
 * - `together`: one COPY and one merge. A data error of any row ends the transaction.
 * - `divided`: the same between savepoints; rows that fail are halved until the one that fails is found, and refused.
 */
export type WriteMode = 'together' | 'divided'

/** Applies a batch within a transaction; see the contract of `Store.apply`. */
export async function applyChanges(
  transaction: SqlTransaction,
  schema: string,
  layout: TableLayout,
  batch: ChangeBatch,
  mode: WriteMode,
): Promise<ApplyOutcome> {
  const { progress, anyAbsent } = await lockProgress(transaction, batch.table)
  if (!sameProgress(progress, batch.expected)) return { kind: 'superseded', actual: progress }

  const lines = new CopyLines(layout)
  const rows: StagedRow[] = []
  const gone: GoneRow[] = []
  for (const change of newestOfEach(batch.changes)) {
    if (change.op === 'delete') gone.push({ change })
    else {
      const written = lines.of(change)
      if ('refused' in written) gone.push({ change, refused: written.refused })
      else rows.push({ change, line: written.line })
    }
  }
  const table = new MirrorTable(transaction, schema, layout, anyAbsent)
  if (rows.length > 0 && mode === 'together') await table.write(rows)
  if (rows.length > 0 && mode === 'divided') gone.push(...(await table.writeDivided(rows)))
  if (gone.length > 0) await table.takeAway(gone)
  await setProgress(transaction, batch.table, batch.next)
  return {
    kind: 'applied',
    refused: gone.flatMap(({ change, refused }) => (refused ? [refusal(change, refused)] : [])),
  }
}

const refusal = ({ identity, row }: RowChange, reason: string): Refusal => ({
  identity,
  event_id: String(row['event_id'] ?? ''),
  reason,
})

/** A batch has each row once; if not, the greatest version counts, and the last of several. */
function newestOfEach(changes: readonly RowChange[]): Iterable<RowChange> {
  const newest = new Map<string, RowChange>()
  for (const change of changes) {
    const other = newest.get(change.identity)
    if (!other || other.version <= change.version) newest.set(change.identity, change)
  }
  return newest.size === changes.length ? changes : newest.values()
}

/** The rows of one lake table, and the identities that are absent from it, within one transaction. */
class MirrorTable {
  readonly #transaction: SqlTransaction
  readonly #layout: TableLayout
  readonly #table: string
  readonly #staging: string
  readonly #id: string
  readonly #columns: string
  readonly #anyAbsent: boolean

  constructor(transaction: SqlTransaction, schema: string, layout: TableLayout, anyAbsent: boolean) {
    this.#transaction = transaction
    this.#layout = layout
    this.#table = tableName(schema, layout)
    this.#staging = `pg_temp.${stagingName(layout)}`
    this.#id = quoted(layout.identity)
    this.#columns = [...layout.columns.map(({ name }) => quoted(name)), '_version'].join(', ')
    this.#anyAbsent = anyAbsent
  }

  /** Inserts or replaces rows, but none that the table or its absent identities know a later version of. */
  async write(rows: readonly StagedRow[]): Promise<void> {
    await this.#createStaging()
    await this.#stageAndMerge(rows)
  }

  async #stageAndMerge(rows: readonly StagedRow[]): Promise<void> {
    await this.#transaction.copy(`${this.#staging} (${this.#columns})`, chunksOf(rows))
    if (this.#anyAbsent) await this.#reconsiderAbsent()
    const updates = this.#layout.columns
      .filter(({ name }) => name !== this.#layout.identity)
      .map(({ name }) => `${quoted(name)} = excluded.${quoted(name)}`)
    await this.#transaction.query(
      `INSERT INTO ${this.#table} AS held (${this.#columns}) SELECT ${this.#columns} FROM ${this.#staging}
       ON CONFLICT (${this.#id}) DO UPDATE SET ${[...updates, '_version = excluded._version'].join(', ')}
       WHERE held._version <= excluded._version`,
    )
  }

  /** @returns the rows that fail, each with PostgreSQL's words */
  async writeDivided(rows: readonly StagedRow[]): Promise<GoneRow[]> {
    await this.#createStaging()
    return this.#divide(rows)
  }

  async #divide(rows: readonly StagedRow[]): Promise<GoneRow[]> {
    const [first] = rows
    if (!first) return []
    await this.#transaction.query('SAVEPOINT rows')
    try {
      await this.#stageAndMerge(rows)
      await this.#transaction.query(`TRUNCATE ${this.#staging}`)
      await this.#transaction.query('RELEASE SAVEPOINT rows')
      return []
    } catch (error) {
      if (!isDataError(error)) throw error
      await this.#transaction.query('ROLLBACK TO SAVEPOINT rows')
      await this.#transaction.query('RELEASE SAVEPOINT rows')
      if (rows.length === 1) return [{ change: first.change, refused: error.message }]
    }
    const middle = rows.length >> 1
    return [...(await this.#divide(rows.slice(0, middle))), ...(await this.#divide(rows.slice(middle)))]
  }

  async #createStaging(): Promise<void> {
    const columns = this.#layout.columns.map(columnDefinition).join(', ')
    await this.#transaction.query(
      `CREATE TEMPORARY TABLE IF NOT EXISTS ${this.#staging} (${columns}, _version bigint NOT NULL) ON COMMIT DELETE ROWS`,
    )
  }

  /** Staged rows are no longer absent, unless they are older than what took them away. */
  async #reconsiderAbsent(): Promise<void> {
    const same = `absent.table_name = $1 AND absent.identity = convert_to(staged.${this.#id}, 'UTF8')`
    await this.#transaction.query(
      `DELETE FROM ${this.#staging} AS staged USING _absent AS absent WHERE ${same} AND absent.version > staged._version`,
      [this.#layout.table],
    )
    await this.#transaction.query(`DELETE FROM _absent AS absent USING ${this.#staging} AS staged WHERE ${same}`, [
      this.#layout.table,
    ])
  }

  /** Deletes rows that are not newer than their change, and keeps why they are absent. */
  async takeAway(gone: readonly GoneRow[]): Promise<void> {
    const names = gone.map(({ change }) => (isStorable(change.identity) ? change.identity : null))
    const versions = gone.map(({ change }) => String(change.version))
    await this.#transaction.query(
      `DELETE FROM ${this.#table} AS held USING unnest($1::text[], $2::bigint[]) AS gone (identity, version)
       WHERE held.${this.#id} = gone.identity AND held._version <= gone.version`,
      [names, versions],
    )
    await this.#transaction.query(
      `INSERT INTO _absent AS known (table_name, identity, version, event_id, reason)
       SELECT $1, decode(bytes, 'hex'), version, decode(event_id, 'hex'), reason
       FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[])
         AS gone (identity, bytes, version, event_id, reason)
       WHERE NOT EXISTS (SELECT FROM ${this.#table} AS held WHERE held.${this.#id} = gone.identity)
       ON CONFLICT (table_name, identity) DO UPDATE
       SET version = excluded.version, event_id = excluded.event_id, reason = excluded.reason
       WHERE known.version <= excluded.version`,
      [
        this.#layout.table,
        names,
        gone.map(({ change }) => hex(change.identity)),
        versions,
        gone.map(({ change }) => hex(String(change.row['event_id'] ?? ''))),
        gone.map(({ refused }) => refused ?? null),
      ],
    )
  }
}

/** An identity with NUL or half of a surrogate pair was never stored as text. */
const isStorable = (identity: string): boolean => !identity.includes('\0') && identity.isWellFormed()

const hex = (text: string): string => Buffer.from(text).toString('hex')

function* chunksOf(rows: readonly StagedRow[]): Generator<string> {
  let chunk = ''
  for (const { line } of rows) {
    chunk += line
    if (chunk.length < COPY_CHUNK_UNITS) continue
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}

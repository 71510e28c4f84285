import { quoted } from '../quoted.ts'
import type { SqlRow } from '../sql-database.ts'

type Query = (sql: string) => Promise<SqlRow[]>

/** How often to look what there is to do: after this many transactions, or bytes copied. */
const LOOK_EVERY_TRANSACTIONS = 256
const LOOK_EVERY_BYTES = 16 * 1024 ** 2
/** The write-ahead log between checkpoints: what an open after a kill must replay, and half of what it takes on disk. */
const CHECKPOINT_BYTES = 64 * 1024 ** 2
/** Autovacuum's own defaults, with a base that small tables do not reach all the time. */
const VACUUM_BASE_ROWS = 5_000
const VACUUM_SHARE = 0.2
/** A tenth of the transactions after which PostgreSQL refuses to go on. */
const FREEZE_AGE = 200_000_000

/** What background processes do on a server: checkpoints and vacuum. PGlite has no such processes, so its writer does it. */
export class Upkeep {
  readonly #query: Query
  #transactions = 0
  #bytes = 0

  /** @param query runs a statement outside of any transaction */
  constructor(query: Query) {
    this.#query = query
  }

  /** To be called for each transaction. */
  async after(copiedBytes: number): Promise<void> {
    this.#transactions++
    this.#bytes += copiedBytes
    if (this.#transactions < LOOK_EVERY_TRANSACTIONS && this.#bytes < LOOK_EVERY_BYTES) return
    this.#transactions = 0
    this.#bytes = 0
    await this.#vacuum()
    await this.#checkpoint()
  }

  async #vacuum(): Promise<void> {
    const [age] = await this.#query('SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()')
    if (Number(age?.[0]) > FREEZE_AGE) await this.#query('VACUUM (FREEZE, ANALYZE)')
    // Statistics are as old as a second otherwise.
    await this.#query('SELECT pg_stat_force_next_flush()')
    const worn = await this.#query(
      `SELECT schemaname, relname FROM pg_stat_user_tables
       WHERE greatest(n_dead_tup, n_ins_since_vacuum, n_mod_since_analyze)
         > ${VACUUM_BASE_ROWS} + ${VACUUM_SHARE} * n_live_tup AND schemaname NOT LIKE 'pg_temp%'`,
    )
    for (const [schema, table] of worn)
      await this.#query(`VACUUM (ANALYZE) ${quoted(String(schema))}.${quoted(String(table))}`)
  }

  async #checkpoint(): Promise<void> {
    const [row] = await this.#query(
      'SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn) FROM pg_control_checkpoint()',
    )
    if (Number(row?.[0]) > CHECKPOINT_BYTES) await this.#query('CHECKPOINT')
  }
}

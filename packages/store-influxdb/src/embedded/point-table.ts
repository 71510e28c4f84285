import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { InventoryRow, Refusal, RowChange } from '@sluice/store/store'
import { floorRest } from '../instant.ts'
import { pointOf, type SeriesMapping } from '../series.ts'
import type { WindowSum } from '../series-question.ts'

/** Column types by kind. Longs and decimals arrive as text: a long becomes an integer, a decimal keeps its own digits. */
const AFFINITY: Readonly<Record<string, string>> = {
  int: 'INTEGER',
  long: 'INTEGER',
  boolean: 'INTEGER',
  float: 'REAL',
  double: 'REAL',
}

export interface WindowRows {
  query: string
  parameters: SQLInputValue[]
  rows: { start: bigint; sum: number | string }[]
}

/**
 * The points of one lake table in SQLite: `point_N` one row an identity (a deleted or refused one stays without a time,
 * so that nothing older revives it), `refused_N` what was refused. Callers hold the transaction.
 */
export class PointTable {
  readonly mapping: SeriesMapping
  readonly #database: DatabaseSync
  readonly #number: number
  readonly #write: StatementSync
  readonly #refuse: StatementSync
  readonly #unrefuse: StatementSync

  constructor(database: DatabaseSync, number: number, mapping: SeriesMapping) {
    this.mapping = mapping
    this.#database = database
    this.#number = number
    const tags = mapping.tags.map((_, i) => `t${i}`)
    const fields = mapping.fields.map((_, i) => `f${i}`)
    database.exec(
      `CREATE TABLE IF NOT EXISTS point_${number} (
         identity TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, event_id TEXT, time INTEGER,
         ${[
           ...tags.map((column) => `${column} TEXT`),
           ...mapping.fields.map(({ kind }, i) => `f${i} ${AFFINITY[kind] ?? 'TEXT'}`),
         ].join(', ')});
       CREATE TABLE IF NOT EXISTS refused_${number} (
         identity TEXT PRIMARY KEY, event_id TEXT NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;`,
    )
    // A question names the first tag and sums a number over a range of time: the index has all of it, in that order.
    const numbers = fields.filter((_, i) => mapping.fields[i] && AFFINITY[mapping.fields[i].kind])
    const indexed = [...tags.slice(0, 1), 'time', ...numbers].join(', ')
    database.exec(`CREATE INDEX IF NOT EXISTS point_${number}_series ON point_${number} (${indexed})`)
    const columns = ['identity', 'version', 'event_id', 'time', ...tags, ...fields]
    this.#write = database.prepare(
      `INSERT INTO point_${number} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
       ON CONFLICT (identity) DO UPDATE SET ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}
       WHERE excluded.version >= version`,
    )
    this.#refuse = database.prepare(
      `INSERT OR REPLACE INTO refused_${number} (identity, event_id, reason) VALUES (?, ?, ?)`,
    )
    this.#unrefuse = database.prepare(`DELETE FROM refused_${number} WHERE identity = ?`)
  }

  static drop(database: DatabaseSync, number: number): void {
    for (const kind of ['point', 'refused']) database.exec(`DROP TABLE IF EXISTS ${kind}_${number}`)
  }

  /** Applies a change unless the store has a later version of the row. */
  write({ op, identity, version, row }: RowChange): Refusal | undefined {
    if (op === 'delete') {
      this.#put(identity, version)
      return undefined
    }
    const event_id = String(row['event_id'] ?? '')
    const made = pointOf(this.mapping, row)
    if ('point' in made) {
      const { micros, tags, fields } = made.point
      this.#put(identity, version, event_id, micros, tags, fields.map(sqlValue))
      return undefined
    }
    if (!this.#put(identity, version)) return undefined
    this.#refuse.run(identity, event_id, made.reason)
    return { identity, event_id, reason: made.reason }
  }

  /** Without a time it is a tombstone. False: the store has a later version. */
  #put(
    identity: string,
    version: number,
    event_id: string | null = null,
    micros: bigint | null = null,
    tags: readonly SQLInputValue[] = this.mapping.tags.map(() => null),
    fields: readonly SQLInputValue[] = this.mapping.fields.map(() => null),
  ): boolean {
    if (this.#write.run(identity, version, event_id, micros, ...tags, ...fields).changes === 0) return false
    this.#unrefuse.run(identity)
    return true
  }

  /** Sums by window, in order of time, windows without values left out. Sums beyond 2^53 are text. */
  sums({ tag, value, field, from, to, window_micros }: WindowSum, limit: number): WindowRows {
    const tagColumn = this.mapping.tags.indexOf(tag)
    const fieldColumn = this.mapping.fields.findIndex(({ name }) => name === field)
    if (tagColumn < 0 || fieldColumn < 0) return { query: '', parameters: [], rows: [] }
    const query =
      `SELECT (time - ?1) / ?2 AS n, sum(f${fieldColumn}) AS total FROM point_${this.#number} ` +
      `WHERE t${tagColumn} = ?3 AND time >= ?4 AND time < ?5 AND f${fieldColumn} IS NOT NULL ` +
      'GROUP BY n ORDER BY n LIMIT ?6'
    // Counted from the window that `from` falls in: SQLite's division rounds towards zero.
    const first = from - floorRest(from, window_micros)
    const parameters = [first, window_micros, value, from, to, limit]
    const statement = this.#database.prepare(query)
    statement.setReadBigInts(true)
    const rows = statement.all(...parameters).map(({ n, total }) => ({
      start: first + BigInt(String(n)) * window_micros,
      sum: sumValue(total),
    }))
    return { query, parameters, rows }
  }

  inventory(after: string | undefined, limit: number): InventoryRow[] {
    return this.#page('identity, event_id', 'point', 'time IS NOT NULL', after, limit).map((found) => ({
      identity: String(found['identity']),
      fingerprint: String(found['event_id']),
    }))
  }

  refusals(after: string | undefined, limit: number): Refusal[] {
    return this.#page('identity, event_id, reason', 'refused', 'true', after, limit).map((found) => ({
      identity: String(found['identity']),
      event_id: String(found['event_id']),
      reason: String(found['reason']),
    }))
  }

  #page(columns: string, kind: string, condition: string, after: string | undefined, limit: number) {
    const range = after === undefined ? '' : 'AND identity > ?'
    const statement = this.#database.prepare(
      `SELECT ${columns} FROM ${kind}_${this.#number} WHERE ${condition} ${range} ORDER BY identity LIMIT ?`,
    )
    return after === undefined ? statement.all(limit) : statement.all(after, limit)
  }
}

const sqlValue = (value: string | number | boolean | null): SQLInputValue =>
  typeof value === 'boolean' ? Number(value) : value

function sumValue(total: unknown): number | string {
  const plain = Number(total)
  return typeof total === 'bigint' && !Number.isSafeInteger(plain) ? String(total) : plain
}

import type { DuckDBValue } from '@duckdb/node-api'
import type { Database } from '@sluice/lake'
import { type JsonValue, jsonValue } from './sql/result-value.ts'
import type { Relations } from './sql/sql-cage.ts'

export interface SqlAnswer {
  columns: { name: string; type: string }[]
  rows: Record<string, JsonValue>[]
}

/** Runs the console's own queries (questions, trails, verify) in this process: one instance, a connection a query. */
export class TrustedSql {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** @param values parameters by name */
  async query(
    relations: Relations,
    sql: string,
    values: Readonly<Record<string, DuckDBValue>> = {},
  ): Promise<SqlAnswer> {
    const connection = await this.#database.connect()
    const catalog = `query_${serial++}`
    try {
      // Views of one query must not be seen by another: each gets a catalog of its own.
      await connection.run(`ATTACH ':memory:' AS ${catalog}`)
      await connection.run(`USE ${catalog}`)
      for (const statement of relations.setup) await connection.run(statement)
      const reader = await connection.runAndReadAll(sql, { ...values })
      const names = reader.deduplicatedColumnNames()
      const types = reader.columnTypes().map(String)
      return {
        columns: names.map((name, i) => ({ name, type: types[i] ?? 'VARCHAR' })),
        rows: reader
          .getRows()
          .map((row) => Object.fromEntries(names.map((name, i) => [name, jsonValue(row[i] ?? null)]))),
      }
    } finally {
      await connection.run('USE memory')
      await connection.run(`DETACH DATABASE IF EXISTS ${catalog}`)
      connection.closeSync()
    }
  }

  async close(): Promise<void> {
    await this.#database.close()
  }
}

let serial = 0

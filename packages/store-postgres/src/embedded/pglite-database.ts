import { PGlite, type Transaction } from '@electric-sql/pglite'
import { quoted } from '../quoted.ts'
import type { SqlDatabase, SqlParameter, SqlRow, SqlTransaction } from '../sql-database.ts'

const SHARED_BUFFERS_BYTES = 32 * 1024 ** 2
/** bool, bytea, int8, int2, int4, json, float4, float8, date, timestamp, timestamptz, numeric, jsonb, and lists of text: those PGlite would parse. */
const PARSED_TYPES = [16, 17, 20, 21, 23, 114, 700, 701, 1082, 1114, 1184, 1700, 3802, 1009]
const asText = (text: string): string => text
const OPTIONS = { rowMode: 'array', parsers: Object.fromEntries(PARSED_TYPES.map((type) => [type, asText])) } as const

/** PostgreSQL in this process, on disk: one session, so transactions and queries take turns. */
export class PgliteDatabase implements SqlDatabase {
  readonly #engine: PGlite
  readonly #released: () => void

  private constructor(engine: PGlite, released: () => void) {
    this.#engine = engine
    this.#released = released
  }

  /** @param released is called once the engine is closed */
  static async open(folder: string, schema: string, released: () => void): Promise<PgliteDatabase> {
    const engine = await PGlite.create({
      dataDir: folder,
      startParams: [...PGlite.defaultStartParams, '-c', `shared_buffers=${SHARED_BUFFERS_BYTES / 8192}`],
    })
    await engine.exec(`SET search_path = ${quoted(schema)}; SET TimeZone = 'UTC'; SET DateStyle = 'ISO'`)
    return new PgliteDatabase(engine, released)
  }

  query(sql: string, parameters: readonly SqlParameter[] = []): Promise<SqlRow[]> {
    return rowsOf(this.#engine, sql, parameters)
  }

  transaction<T>(work: (transaction: SqlTransaction) => Promise<T>): Promise<T> {
    return this.#engine.transaction((transaction) =>
      work({
        query: (sql, parameters = []) => rowsOf(transaction, sql, parameters),
        copy: async (target, chunks) => {
          for (const chunk of chunks)
            await transaction.query(`COPY ${target} FROM '/dev/blob'`, [], { blob: new Blob([chunk]) })
        },
      }),
    )
  }

  async close(): Promise<void> {
    if (!this.#engine.closed) await this.#engine.close()
    this.#released()
  }
}

async function rowsOf(
  engine: Pick<Transaction, 'query'>,
  sql: string,
  parameters: readonly SqlParameter[],
): Promise<SqlRow[]> {
  return (await engine.query<SqlRow>(sql, [...parameters], OPTIONS)).rows
}

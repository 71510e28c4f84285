import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StoreError } from '@sluice/store'
import { type ClientBase, DatabaseError, Pool, type PoolClient } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { quoted } from '../quoted.ts'
import type { SqlDatabase, SqlParameter, SqlRow, SqlTransaction } from '../sql-database.ts'
import { sqlStateOf } from '../sql-error.ts'

const CONNECT_LIMIT_MS = 10_000
const IDLE_CONNECTION_MS = 30_000
/** A statement that takes longer is given up and tried again. */
const STATEMENT_LIMIT_MS = 300_000
/** How long to wait for another sink's transaction. */
const LOCK_LIMIT_MS = 30_000
/** A sink that was stopped in a transaction loses it, so that another can go on. */
const IDLE_TRANSACTION_LIMIT_MS = 30_000

const asText = (text: string | Buffer): string => String(text)
const TYPES = { getTypeParser: () => asText }

export interface PgOptions {
  url: string
  schema: string
  max_connections: number
}

/** PostgreSQL on a server. */
export class PgDatabase implements SqlDatabase {
  readonly #pool: Pool
  #closed: Promise<void> | undefined

  constructor({ url, schema, max_connections }: PgOptions) {
    this.#pool = new Pool({
      connectionString: url,
      max: max_connections,
      application_name: 'sluice',
      connectionTimeoutMillis: CONNECT_LIMIT_MS,
      idleTimeoutMillis: IDLE_CONNECTION_MS,
      keepAlive: true,
      types: TYPES,
      onConnect: (client) => configure(client, schema),
    })
    // An idle connection that is lost harms nobody: the pool drops it, and the next statement gets a new one.
    this.#pool.on('error', () => {})
  }

  async query(sql: string, parameters: readonly SqlParameter[] = []): Promise<SqlRow[]> {
    return this.#withClient((client) => rowsOf(client, sql, parameters))
  }

  async transaction<T>(work: (transaction: SqlTransaction) => Promise<T>): Promise<T> {
    return this.#withClient(async (client) => {
      await client.query('BEGIN')
      try {
        const result = await work({
          query: (sql, parameters = []) => rowsOf(client, sql, parameters),
          copy: (target, chunks) =>
            pipeline(Readable.from(chunks), client.query(copyFrom(`COPY ${target} FROM STDIN`))),
        })
        await client.query('COMMIT')
        return result
      } catch (error) {
        if (!endsConnection(error)) await client.query('ROLLBACK')
        throw error
      }
    })
  }

  close(): Promise<void> {
    this.#closed ??= this.#pool.end()
    return this.#closed
  }

  /** A connection that failed in any other way than by a statement's error is not used again: the server rolls back. */
  async #withClient<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    if (this.#closed) throw new StoreError('unreachable', 'the SQL store was closed')
    const client = await this.#pool.connect().catch((error: unknown) => Promise.reject(connectionError(error)))
    let lost: Error | undefined
    const onError = (error: Error) => {
      lost ??= error
    }
    client.on('error', onError)
    try {
      return await work(client)
    } catch (error) {
      if (endsConnection(error)) lost ??= error instanceof Error ? error : new Error(String(error))
      throw connectionError(lost ?? error)
    } finally {
      client.off('error', onError)
      client.release(lost)
    }
  }
}

/** Whether an error is no statement's: those have a SQLSTATE and leave the connection as it was. */
function endsConnection(error: unknown): boolean {
  const isFatal = error instanceof DatabaseError && (error.severity === 'FATAL' || error.severity === 'PANIC')
  return isFatal || !/^(?=.*\d)[0-9A-Z]{5}$/.test(sqlStateOf(error) ?? '')
}

/** pg tells a lost connection and a wait that was too long by plain errors without a code. */
function connectionError(error: unknown): unknown {
  if (!(error instanceof Error) || error.constructor !== Error || sqlStateOf(error) !== undefined) return error
  return new StoreError('unreachable', `the connection to PostgreSQL was lost: ${error.message}`, {
    cause: error,
    retryable: true,
  })
}

async function configure(client: ClientBase, schema: string): Promise<void> {
  await client.query(
    `SET search_path = ${quoted(schema)}; SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET client_min_messages = 'warning';
     SET statement_timeout = ${STATEMENT_LIMIT_MS}; SET lock_timeout = ${LOCK_LIMIT_MS};
     SET idle_in_transaction_session_timeout = ${IDLE_TRANSACTION_LIMIT_MS}`,
  )
}

async function rowsOf(client: ClientBase, sql: string, parameters: readonly SqlParameter[]): Promise<SqlRow[]> {
  const result = await client.query<(string | null)[]>({ text: sql, values: [...parameters], rowMode: 'array' })
  return result.rows
}

import { statfsSync } from 'node:fs'
import { PGlite } from '@electric-sql/pglite'
import { StoreError } from '@sluice/store'
import { quoted } from '../quoted.ts'
import type { SqlDatabase, SqlParameter, SqlRow, SqlTransaction } from '../sql-database.ts'
import { sqlStateOf, storeErrorOf } from '../sql-error.ts'
import type { DataFolder } from './data-folder.ts'
import { keepByteOrderMarks, stopAtAbort, syncFiles } from './engine-repairs.ts'
import { Upkeep } from './upkeep.ts'

const SETTINGS = {
  fsync: 'on',
  // Of the methods, the one that PGlite passes on to its file system.
  wal_sync_method: 'fsync',
  shared_buffers: '32MB',
  max_wal_size: '128MB',
  client_min_messages: 'warning',
  TimeZone: 'UTC',
  DateStyle: 'ISO',
}
/** Below this, an engine that cannot be started is taken to have run out of space. */
const SPACE_LIMIT_BYTES = 64 * 1024 ** 2

/** bool, bytea, int8, int2, int4, json, float4, float8, date, timestamp, timestamptz, numeric, jsonb, text[]: PGlite would parse them. */
const PARSED_TYPES = [16, 17, 20, 21, 23, 114, 700, 701, 1082, 1114, 1184, 1700, 3802, 1009]
const asText = (text: string): string => text
const OPTIONS = { rowMode: 'array', parsers: Object.fromEntries(PARSED_TYPES.map((type) => [type, asText])) } as const

/**
 * PostgreSQL in this process, on disk: one session, so transactions and queries take turns. An engine that failed in
 * itself (out of memory, a panic because the log could not be written) is abandoned; the next statement starts another,
 * which recovers from the log.
 */
export class PgliteDatabase implements SqlDatabase {
  readonly #folder: DataFolder
  readonly #schema: string
  readonly #released: () => void
  readonly #upkeep = new Upkeep((sql) => this.#run(sql))
  #engine: PGlite | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #copiedBytes = 0
  #upkeepDue = false
  #closed = false

  private constructor(folder: DataFolder, schema: string, released: () => void) {
    this.#folder = folder
    this.#schema = schema
    this.#released = released
  }

  /** @param released is called once the engine is closed */
  static async open(folder: DataFolder, schema: string, released: () => void): Promise<PgliteDatabase> {
    const database = new PgliteDatabase(folder, schema, released)
    database.#engine = await database.#start()
    return database
  }

  query(sql: string, parameters: readonly SqlParameter[] = []): Promise<SqlRow[]> {
    return this.#inTurn(() => this.#run(sql, parameters))
  }

  transaction<T>(work: (transaction: SqlTransaction) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await this.#keepUp()
      await this.#run('BEGIN')
      const result = await this.#orRollBack(async () => {
        const done = await work({
          query: (sql, parameters) => this.#run(sql, parameters),
          copy: (target, chunks) => this.#copy(target, chunks),
        })
        await this.#run('COMMIT')
        return done
      })
      this.#upkeepDue = true
      return result
    })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#turn
    if (this.#engine) {
      await this.#engine.close()
      this.#folder.markClosed()
    }
    this.#released()
  }

  /** Before a transaction, not after it: what is committed must not look failed. */
  async #keepUp(): Promise<void> {
    if (!this.#upkeepDue) return
    this.#upkeepDue = false
    const copied = this.#copiedBytes
    this.#copiedBytes = 0
    await this.#upkeep.after(copied)
  }

  async #copy(target: string, chunks: Iterable<string>): Promise<void> {
    for (const chunk of chunks) {
      const blob = new Blob([chunk])
      this.#copiedBytes += blob.size
      await this.#run(`COPY ${target} FROM '/dev/blob'`, [], blob)
    }
  }

  /** A failed engine has no transaction any more, and may never answer again. */
  async #orRollBack<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (this.#engine) await this.#run('ROLLBACK')
      throw error
    }
  }

  async #run(sql: string, parameters: readonly SqlParameter[] = [], blob?: Blob): Promise<SqlRow[]> {
    this.#engine ??= await this.#start()
    try {
      return (await this.#engine.query<SqlRow>(sql, [...parameters], { ...OPTIONS, blob })).rows
    } catch (error) {
      if (storeErrorOf(error).code === 'corrupt') this.#folder.markDamaged()
      if (!isEngineFailure(error)) throw error
      this.#engine = undefined
      throw this.#engineFailed(error)
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError('unreachable', 'the SQL store was closed'))
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }

  async #start(): Promise<PGlite> {
    if (this.#folder.damaged)
      throw new StoreError('corrupt', 'PostgreSQL found a damaged page; the store is to be loaded anew from the tables')
    const isNew = !this.#folder.isComplete()
    const wasClosed = this.#folder.takeClosed()
    keepByteOrderMarks()
    try {
      const engine = await PGlite.create({
        dataDir: this.#folder.data,
        startParams: [
          ...PGlite.defaultStartParams.filter((parameter) => parameter !== '-F'),
          ...Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
        ],
      })
      stopAtAbort(engine)
      syncFiles(engine)
      await engine.exec(`SET search_path = ${quoted(this.#schema)}`)
      if (isNew || !wasClosed) await this.#folder.syncAll()
      return engine
    } catch (error) {
      if (this.#isFull()) throw this.#engineFailed(error)
      throw new StoreError('corrupt', `PGlite cannot open its files: ${storeErrorOf(error).message}`, { cause: error })
    }
  }

  #engineFailed(error: unknown): StoreError {
    const known = storeErrorOf(error)
    if (known.code === 'corrupt') return known
    const message = `PGlite failed and is started again: ${known.message}`
    if (known.code === 'no_space' || this.#isFull())
      return new StoreError('no_space', message, { cause: error, retryable: true })
    return new StoreError('failed', message, { cause: error, retryable: true })
  }

  #isFull(): boolean {
    const { bavail, bsize } = statfsSync(this.#folder.folder)
    return bavail * bsize < SPACE_LIMIT_BYTES
  }
}

/** Errors without a SQLSTATE are not a statement's: the engine aborted. So is an internal or an input/output error. */
function isEngineFailure(error: unknown): boolean {
  const state = sqlStateOf(error)
  return state === undefined || state === '58030' || state.startsWith('XX')
}

import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Connection, Database, type LbugValue, type PreparedStatement, type QueryResult } from '@ladybugdb/core'
import { StoreError } from '@sluice/store'
import { withNul, withoutNul } from './nul-encoding.ts'

const BUFFER_POOL_BYTES = 128 * 1024 * 1024
/** Address space that is reserved, and so the largest database. */
const DATABASE_LIMIT_BYTES = 64 * 1024 ** 3
const CHECKPOINT_BYTES = 16 * 1024 * 1024

/**
 * Opens the database in a folder and mends what a kill within a checkpoint leaves behind.
 *
 * A checkpoint renames the log to `.wal.checkpoint`, writes new pages to `.shadow`, syncs it, adds a checkpoint record
 * to the log, syncs it, copies the pages into the database, syncs it, truncates `.shadow`, and removes both files.
 * LadybugDB 0.19 refuses to open with an empty `.shadow`. Without the record the log is simply replayed; with it the
 * database is already complete, and the log is done with.
 */
export function openDatabase(folder: string): Database {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'graph.lbug')
  const shadow = `${path}.shadow`
  const log = `${path}.wal.checkpoint`
  if (!existsSync(log) || !existsSync(shadow) || statSync(shadow).size > 0) return opened(path)
  rmSync(shadow)
  try {
    return opened(path)
  } catch (error) {
    const recordFound = error instanceof Error && /Cannot open file .*\.shadow/.test(error.message)
    if (!recordFound) throw error
    rmSync(log)
    return opened(path)
  }
}

function opened(path: string): Database {
  try {
    const database = new Database(path, BUFFER_POOL_BYTES, true, false, DATABASE_LIMIT_BYTES, true, CHECKPOINT_BYTES)
    database.initSync()
    return database
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (/lock/i.test(message) && !/\.shadow/.test(message))
      throw new StoreError('busy', `another process has the graph store open: ${message}`, {
        cause: error,
        retryable: true,
      })
    throw new StoreError('corrupt', `the graph store cannot be opened: ${message}`, { cause: error })
  }
}

export type CypherParameters = Record<string, LbugValue>
export type CypherRow = Record<string, LbugValue>

/** A connection whose statements are prepared once. Calls are synchronous: the store has a process of its own. */
export class CypherSession {
  readonly #connection: Connection
  readonly #prepared = new Map<string, PreparedStatement>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  run(cypher: string, parameters?: CypherParameters): CypherRow[] {
    try {
      return parameters
        ? rowsOf(this.#connection.executeSync(this.#statement(cypher), encoded(parameters)))
        : rowsOf(this.#connection.querySync(cypher))
    } catch (error) {
      throw translated(error, cypher)
    }
  }

  /** Statements know the schema they were prepared for. */
  schemaChanged(): void {
    this.#prepared.clear()
  }

  close(): void {
    this.#prepared.clear()
    this.#connection.closeSync()
  }

  #statement(cypher: string): PreparedStatement {
    const known = this.#prepared.get(cypher)
    if (known) return known
    const statement = this.#connection.prepareSync(cypher)
    this.#prepared.set(cypher, statement)
    return statement
  }
}

const encoded = (row: CypherParameters): CypherParameters =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, withoutNul(value)]))

const decoded = (row: CypherRow): CypherRow =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, withNul(value)]))

function rowsOf(result: QueryResult | QueryResult[]): CypherRow[] {
  const all = Array.isArray(result) ? result : [result]
  const rows = all.at(-1)?.getAllSync() ?? []
  for (const one of all) one.close()
  return rows.map(decoded)
}

function translated(error: unknown, cypher: string): StoreError {
  const message = error instanceof Error ? error.message : String(error)
  if (/no space left|ENOSPC|Buffer manager exception/i.test(message))
    return new StoreError('no_space', `the graph store has no room: ${message}`, { cause: error, retryable: true })
  return new StoreError('failed', `the graph store refused ${JSON.stringify(cypher.slice(0, 200))}: ${message}`, {
    cause: error,
  })
}

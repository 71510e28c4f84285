import { mkdir, rm } from 'node:fs/promises'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import './byte-order-mark.ts'
import { DuckdbError, duckdbErrorFrom } from './duckdb-error.ts'
import { literal } from './sql-text.ts'

export interface DatabaseOptions {
  /** What all queries together may hold in memory; beyond it they spill into `temporary_path`. */
  memory_limit_bytes: number
  /**
   * That one statement may use. Default 1: batches, tables and upkeep run side by side on connections of their own, and
   * use the cores better than statements that split small work.
   */
  threads?: number
  /** Folder of its own for spilled data; emptied at open and close. */
  temporary_path: string
  /** What may be spilled; default 10 GB. */
  temporary_limit_bytes?: number
  /** How many pieces of work may hold a connection at once; others wait. Default 8. */
  max_connections?: number
  /**
   * Default `as_written`: the right side of a join is held in memory. Of Parquet files that are read with a given schema
   * DuckDB expects 500 rows each, and would hold ten million to find a few.
   */
  joins?: 'as_written' | 'optimized'
}

const DEFAULT_CONNECTIONS = 8
const DEFAULT_TEMPORARY_BYTES = 10_000_000_000

/** Opens an in-memory DuckDB: times in UTC, rows keep their order, no extension is downloaded. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  await rm(options.temporary_path, { recursive: true, force: true })
  await mkdir(options.temporary_path, { recursive: true })
  try {
    const instance = await DuckDBInstance.create(':memory:', {
      threads: String(options.threads ?? 1),
      memory_limit: `${Math.ceil(options.memory_limit_bytes / 1e6)}MB`,
      temp_directory: options.temporary_path,
      max_temp_directory_size: `${Math.ceil((options.temporary_limit_bytes ?? DEFAULT_TEMPORARY_BYTES) / 1e6)}MB`,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      preserve_insertion_order: 'true',
    })
    const connection = await instance.connect()
    // The system's page cache keeps local files already; DuckDB's own would fill the memory limit with them again.
    await connection.run(`SET GLOBAL TimeZone = ${literal('UTC')}; SET GLOBAL enable_external_file_cache = false`)
    if (options.joins !== 'optimized')
      await connection.run("SET GLOBAL disabled_optimizers = 'join_order,build_side_probe_side'")
    connection.closeSync()
    return new Database(instance, options)
  } catch (error) {
    throw duckdbErrorFrom(error)
  }
}

/**
 * A DuckDB instance with a bounded number of connections. Each piece of work has a connection to itself, so that its
 * temporary tables are its own; they are gone when it ends.
 */
export class Database {
  readonly #instance: DuckDBInstance
  readonly #options: DatabaseOptions
  readonly #waiting: (() => void)[] = []
  #free: number
  #closed = false

  constructor(instance: DuckDBInstance, options: DatabaseOptions) {
    this.#instance = instance
    this.#options = options
    this.#free = options.max_connections ?? DEFAULT_CONNECTIONS
  }

  /** Runs work on a connection of its own; waits while `max_connections` are in use. */
  async withConnection<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    await this.#enter()
    try {
      return await this.withFurtherConnection(work)
    } finally {
      this.#leave()
    }
  }

  /**
   * As `withConnection`, outside the bound: for work inside work that holds a connection already, and for streams whose
   * reader may take long.
   */
  async withFurtherConnection<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.connect()
    try {
      return await work(connection)
    } finally {
      connection.closeSync()
    }
  }

  /** A connection that the caller closes. Throws `closed`. */
  async connect(): Promise<DuckDBConnection> {
    if (this.#closed) throw new DuckdbError('closed', 'the database was closed; open another one')
    return this.#instance.connect()
  }

  /** Waits for running work, then frees everything. */
  async close(): Promise<void> {
    if (this.#closed) return
    const all = this.#options.max_connections ?? DEFAULT_CONNECTIONS
    for (let at = 0; at < all; at++) await this.#enter()
    this.#closed = true
    this.#instance.closeSync()
    for (const wake of this.#waiting.splice(0)) wake()
    await rm(this.#options.temporary_path, { recursive: true, force: true })
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free++
  }
}

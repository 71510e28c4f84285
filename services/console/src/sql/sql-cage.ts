import { mkdir } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { parseExactly } from './exact-json.ts'
import { SqlCell, type SqlCellLimits } from './sql-cell.ts'
import { judge, type NamedTable } from './sql-guard.ts'
import type { ResultFormat } from './sql-protocol.ts'
import { SqlRefused } from './sql-refused.ts'
import { rewriteAsOf } from './time-travel.ts'

export interface CageLimits extends SqlCellLimits {
  /** A statement that takes longer, from when its process was ready, is killed with it. */
  timeout_ms: number
  /** DuckDB's limit for one statement; it spills to disk before. */
  memory_limit_bytes: number
  threads: number
  /** Statements at a time; others wait. */
  processes: number
  /** Statements that may wait. */
  queue: number
  max_rows: number
  /** Bytes of a result that are made before the first of them is answered. */
  held_bytes: number
  sql_limit_characters: number
}

export const CAGE_LIMITS: CageLimits = {
  timeout_ms: 30_000,
  start_limit_ms: 30_000,
  memory_limit_bytes: 1024 ** 3,
  threads: 2,
  processes: 2,
  queue: 32,
  max_rows: 1_000_000,
  held_bytes: 4 * 1024 ** 2,
  sql_limit_characters: 100_000,
}

/** What a statement's tables are: statements that set them up, and the files they may open. */
export interface Relations {
  setup: string[]
  files: string[]
}

/** Runs clients' SQL in processes that can be killed. See `sql-child.ts` for what they can reach. */
export class SqlCage {
  readonly #limits: CageLimits
  readonly #scratch_path: string
  readonly #idle: SqlCell[] = []
  readonly #waiting: PromiseWithResolvers<SqlCell>[] = []
  #cells = 0
  #closed = false

  constructor(options: { scratch_path: string; limits?: Partial<CageLimits> }) {
    this.#limits = { ...CAGE_LIMITS, ...options.limits }
    this.#scratch_path = options.scratch_path
  }

  /**
   * Runs one SELECT. Its formatted result comes as it is made, after the first `held_bytes` of it or all of a smaller
   * one: what goes wrong until then is known before anything was answered. What goes wrong later destroys the stream.
   * Whoever does not read the stream to its end destroys it: until then a large result keeps its process.
   * @param resolve finds the tables that the statement names; throws `SqlRefused` for an unknown one
   * @throws SqlRefused
   */
  async query(
    sql: string,
    format: ResultFormat,
    resolve: (tables: NamedTable[]) => Promise<Relations>,
  ): Promise<Readable> {
    if (sql.length > this.#limits.sql_limit_characters)
      throw new SqlRefused(
        'too_long',
        `expected at most ${this.#limits.sql_limit_characters} characters of SQL; ${sql.length} came`,
      )
    const cell = await this.#take()
    let result: Readable | undefined
    let timer: NodeJS.Timeout | undefined
    let released = false
    const release = () => {
      if (released) return
      released = true
      clearTimeout(timer)
      this.#give(cell)
    }
    try {
      // A client's time is not spent on the start of a process.
      await cell.ready
      timer = setTimeout(() => {
        const late = cell.kill(
          `the statement took longer than ${this.#limits.timeout_ms} ms and was ended: narrow it, or ask in steps`,
        )
        result?.destroy(late)
      }, this.#limits.timeout_ms)
      const chunks = this.#run(cell, sql, format, resolve)
      const held: Uint8Array[] = []
      let bytes = 0
      while (bytes < this.#limits.held_bytes) {
        const next = await chunks.next()
        if (next.done) {
          release()
          break
        }
        held.push(next.value)
        bytes += next.value.length
      }
      result = resultStream(held, chunks, release)
      return result
    } catch (error) {
      release()
      throw error
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const cell of this.#idle.splice(0)) cell.end()
  }

  async *#run(
    cell: SqlCell,
    sql: string,
    format: ResultFormat,
    resolve: (tables: NamedTable[]) => Promise<Relations>,
  ): AsyncGenerator<Uint8Array> {
    const parsed = await cell.ask({ kind: 'parse', id: 0, sql: rewriteAsOf(sql) })
    if (parsed.kind !== 'parsed')
      throw new SqlRefused('syntax_error', parsed.kind === 'failed' ? parsed.detail : 'the text could not be parsed')
    const judgement = judge(parseExactly(parsed.parsed))
    if (judgement.kind === 'refused') throw new SqlRefused(judgement.code, judgement.detail)
    const { setup, files } = await resolve(judgement.tables)
    let reply = await cell.ask({
      kind: 'run',
      id: 1,
      statement: JSON.stringify(judgement.statement),
      setup,
      files,
      format,
      max_rows: this.#limits.max_rows,
    })
    while (reply.kind === 'chunk') {
      yield reply.bytes
      reply = await cell.ask({ kind: 'more', id: 1 })
    }
    if (reply.kind === 'failed') throw new SqlRefused(reply.code, reply.detail)
  }

  async #take(): Promise<SqlCell> {
    const idle = this.#idle.pop()
    if (idle) return idle
    if (this.#cells < this.#limits.processes) {
      this.#cells++
      return this.#open().catch((error: unknown) => {
        this.#vacate()
        throw error
      })
    }
    if (this.#waiting.length >= this.#limits.queue)
      throw new SqlRefused(
        'busy',
        `${this.#limits.processes} statements are running and ${this.#waiting.length} waiting: try again later`,
      )
    const waiting = Promise.withResolvers<SqlCell>()
    this.#waiting.push(waiting)
    return waiting.promise
  }

  async #open(): Promise<SqlCell> {
    await mkdir(this.#scratch_path, { recursive: true })
    return new SqlCell(this.#limits, this.#scratch_path)
  }

  #give(cell: SqlCell): void {
    if (this.#closed) {
      cell.end()
      return
    }
    if (cell.usable) {
      const next = this.#waiting.shift()
      if (next) next.resolve(cell)
      else this.#idle.push(cell)
      return
    }
    cell.end()
    this.#vacate()
  }

  /** One process less: whoever waits first starts another. */
  #vacate(): void {
    this.#cells--
    const next = this.#waiting.shift()
    if (next) this.#take().then(next.resolve, next.reject)
  }
}

/**
 * The chunks that are there, then the rest. Closing it releases the process, however it comes to that: a generator's
 * `finally` would not run for a client that left before the first read.
 */
function resultStream(held: Uint8Array[], rest: AsyncGenerator<Uint8Array>, release: () => void): Readable {
  return new Readable({
    read() {
      const first = held.shift()
      if (first) this.push(first)
      else
        rest.next().then(
          ({ done, value }) => this.push(done ? null : value),
          (error: Error) => this.destroy(error),
        )
    },
    destroy(error, closed) {
      release()
      closed(error)
    },
  })
}

import { setTimeout as pause } from 'node:timers/promises'
import neo4j, { type Driver, type ManagedTransaction, type RecordShape } from 'neo4j-driver'
import { isInterference, storeErrorOf } from './graph-error.ts'

/** A sink that was stopped in the middle of a transaction loses it, and its locks, after this time. */
const TRANSACTION_LIMIT_MS = 60_000
const MOST_ATTEMPTS = 8
const FIRST_PAUSE_MS = 20

export type Parameters = Record<string, unknown>

/** Statements within one transaction. */
export interface Statements {
  run<T extends RecordShape>(cypher: string, parameters?: Parameters): Promise<T[]>
}

/** One database of a Neo4j server. Whatever it reads, it sees what it wrote before. */
export class GraphDatabase {
  readonly #driver: Driver
  readonly #database: string | undefined
  readonly #bookmarks = neo4j.bookmarkManager()

  constructor(driver: Driver, database: string | undefined) {
    this.#driver = driver
    this.#database = database
  }

  /** Runs the work in one transaction; again after a deadlock, or when another transaction came in its way. */
  async write<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#session('WRITE', (session) =>
          session.executeWrite((transaction) => work(statementsOf(transaction)), { timeout: TRANSACTION_LIMIT_MS }),
        )
      } catch (error) {
        if (!isInterference(error) || attempt === MOST_ATTEMPTS) throw storeErrorOf(error)
        await pause(FIRST_PAUSE_MS * 2 ** attempt * Math.random())
      }
    }
  }

  async read<T extends RecordShape>(cypher: string, parameters: Parameters = {}): Promise<T[]> {
    try {
      return await this.#session('READ', (session) =>
        session.executeRead((transaction) => statementsOf(transaction).run<T>(cypher, parameters), {
          timeout: TRANSACTION_LIMIT_MS,
        }),
      )
    } catch (error) {
      throw storeErrorOf(error)
    }
  }

  close(): Promise<void> {
    return this.#driver.close()
  }

  async #session<T>(mode: 'READ' | 'WRITE', work: (session: ReturnType<Driver['session']>) => Promise<T>): Promise<T> {
    const session = this.#driver.session({
      database: this.#database,
      bookmarkManager: this.#bookmarks,
      defaultAccessMode: mode,
    })
    try {
      return await work(session)
    } finally {
      await session.close()
    }
  }
}

const statementsOf = (transaction: ManagedTransaction): Statements => ({
  async run<T extends RecordShape>(cypher: string, parameters: Parameters = {}) {
    const { records } = await transaction.run<T>(cypher, parameters)
    return records.map((record) => record.toObject())
  },
})

import { DatabaseSync } from 'node:sqlite'

const RETRY_MS = 5
const SQLITE_BUSY = 5

/**
 * One holder among all processes that share a file. Node has no lock on files that ends with its process, SQLite has:
 * the lock is an open transaction on an empty database. It is the operating system's, so a kill ends it, and a holder
 * that is merely slow or stopped keeps it: a lock that is judged by its age has two owners then.
 */
export class FolderLock {
  readonly #path: string
  /** Those of this process come one after the other, in their order. */
  #last: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /** Does the work alone. Waits for as long as others hold the lock; throws what SQLite and the work throw. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(() => this.#holdNext(work))
    this.#last = mine.then(
      () => undefined,
      () => undefined,
    )
    return mine
  }

  async #holdNext<T>(work: () => Promise<T>): Promise<T> {
    const database = new DatabaseSync(this.#path, { timeout: 0 })
    try {
      while (!begins(database)) await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      return await work()
    } finally {
      database.close()
    }
  }
}

function begins(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    // The lower byte is the code, the rest says which kind of it.
    if (error instanceof Error && 'errcode' in error && Number(error.errcode) % 256 === SQLITE_BUSY) return false
    throw error
  }
}

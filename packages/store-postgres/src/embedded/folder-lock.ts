import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreError } from '@sluice/store'

const SQLITE_BUSY = 5

/**
 * Holds a folder for this process. Node has no lock on files that ends with its process, SQLite has: the lock is an open
 * transaction on an empty database, which a kill ends as well.
 * @throws StoreError `busy` if another process holds it
 */
export class FolderLock {
  readonly #database: DatabaseSync

  constructor(folder: string) {
    this.#database = new DatabaseSync(join(folder, 'lock.sqlite'), { timeout: 0 })
    try {
      this.#database.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      this.#database.close()
      if (!(error instanceof Error && 'errcode' in error && Number(error.errcode) % 256 === SQLITE_BUSY)) throw error
      throw new StoreError(
        'busy',
        `another process has the SQL store open: close it, or give this one its own folder`,
        {
          cause: error,
          retryable: true,
        },
      )
    }
  }

  release(): void {
    if (this.#database.isOpen) this.#database.close()
  }
}

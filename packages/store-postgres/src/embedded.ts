import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Store, StoreError } from '@sluice/store'
import { FolderLock } from './embedded/folder-lock.ts'
import { PgliteDatabase } from './embedded/pglite-database.ts'
import { PostgresStore } from './postgres-store.ts'
import { storeErrorOf } from './sql-error.ts'

const SCHEMA = 'sluice'

export interface EmbeddedSqlOptions {
  /** The store's own folder, made if missing. One process at a time. */
  folder: string
}

/**
 * Opens the embedded SQL store: PGlite.
 * Errors: `busy` (another process has it open), `corrupt` (cannot be opened: load it anew), `no_space`.
 */
export async function openStore(options: EmbeddedSqlOptions): Promise<Store> {
  mkdirSync(options.folder, { recursive: true })
  const lock = new FolderLock(options.folder)
  try {
    const database = await PgliteDatabase.open(join(options.folder, 'pgdata'), SCHEMA, () => lock.release())
    return await PostgresStore.open(database, SCHEMA)
  } catch (error) {
    lock.release()
    const known = storeErrorOf(error)
    if (known.code !== 'failed') throw known
    throw new StoreError('corrupt', `the SQL store cannot be opened: ${known.message}`, { cause: error })
  }
}

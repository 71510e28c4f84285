import type { Store } from '@sluice/store'
import { DataFolder } from './embedded/data-folder.ts'
import { FolderLock } from './embedded/folder-lock.ts'
import { PgliteDatabase } from './embedded/pglite-database.ts'
import { PostgresStore } from './postgres-store.ts'

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
  const folder = new DataFolder(options.folder)
  const lock = new FolderLock(folder.folder)
  try {
    const database = await PgliteDatabase.open(folder, SCHEMA, () => lock.release())
    return await PostgresStore.open(database, SCHEMA)
  } catch (error) {
    lock.release()
    throw error
  }
}

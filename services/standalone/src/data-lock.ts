import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ConfigError } from '@sluice/service'

/**
 * One process a data folder. The lock is the operating system's, held through SQLite: it is gone with the process,
 * however that ends.
 * @throws ConfigError if another process has it
 */
export function lockData(folder: string): { release(): void } {
  mkdirSync(folder, { recursive: true })
  const database = new DatabaseSync(join(folder, 'lock.sqlite'), { timeout: 0 })
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held (pid INTEGER)')
    database.exec(`DELETE FROM held; INSERT INTO held VALUES (${process.pid}); COMMIT`)
  } catch (cause) {
    database.close()
    if (cause instanceof Error && 'errcode' in cause && (cause.errcode === 5 || cause.errcode === 6))
      throw new ConfigError(
        `SLUICE_DATA: another Sluice is running on ${folder}; stop it first, or give this one a folder of its own`,
      )
    throw cause
  }
  return { release: () => database.close() }
}

import { fdatasyncSync } from 'node:fs'
import type { PGlite } from '@electric-sql/pglite'
import { StoreError } from '@sluice/store'
import { sync } from './data-folder.ts'

/** What an open file or folder of Emscripten's file system has that is of use here. */
interface FileStream {
  /** Node's file descriptor; folders have none. */
  nfd?: number
  node: object
}

/**
 * Gives PGlite an fsync: its file system for Node has none, and answers success to PostgreSQL's. Needs
 * `wal_sync_method=fsync`, since only fsync gets through to the file system.
 */
export function syncFiles(engine: PGlite): void {
  const files: object = engine.Module.NODEFS
  const operations = 'stream_ops' in files ? files.stream_ops : undefined
  const realPath = 'realPath' in files ? files.realPath : undefined
  if (typeof operations !== 'object' || operations === null || typeof realPath !== 'function')
    throw new StoreError(
      'failed',
      'expected a PGlite whose file system can be given an fsync; use the version in the lockfile',
    )
  const fsync = ({ nfd, node }: FileStream): number => {
    if (nfd === undefined) sync(String(Reflect.apply(realPath, files, [node])))
    else fdatasyncSync(nfd)
    return 0
  }
  Object.assign(operations, { fsync })
}

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
export function syncFiles({ Module }: PGlite): void {
  const files: object = Module.NODEFS
  const operations = 'stream_ops' in files ? files.stream_ops : undefined
  const realPath = 'realPath' in files ? files.realPath : undefined
  if (typeof operations !== 'object' || operations === null || typeof realPath !== 'function')
    throw new StoreError('failed', 'expected a PGlite that can be given an fsync; use the version in the lockfile')
  const fsync = ({ nfd, node }: FileStream): number => {
    if (nfd === undefined) sync(String(Reflect.apply(realPath, files, [node])))
    else fdatasyncSync(nfd)
    return 0
  }
  Object.assign(operations, { fsync })
}

/**
 * Has an abort of the engine end the statement. PGlite 0.5 goes on after any exception of its main loop that is not
 * PostgreSQL's own jump, and waits for ever for the locks of what aborted (a panic because the log cannot be written).
 * Between the exception and the next round it restores the stack: there the exception is thrown again.
 */
export function stopAtAbort({ Module }: PGlite): void {
  const { _PostgresMainLoopOnce: round, stackRestore } = Module
  let aborted: unknown
  Module._PostgresMainLoopOnce = () => {
    if (aborted !== undefined) throw aborted
    try {
      round()
    } catch (error) {
      if (!isJump(error)) aborted ??= error
      throw error
    }
  }
  Module.stackRestore = (pointer) => {
    if (aborted !== undefined) throw aborted
    return stackRestore(pointer)
  }
}

/** PostgreSQL's jump out of a statement that failed, as PGlite 0.5 marks it. */
const JUMP_STATUS = 100
const isJump = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'status' in error && error.status === JUMP_STATUS

/**
 * Has texts come out whole: PGlite decodes each value by itself and leaves out a U+FEFF at its beginning as a byte order
 * mark. Its decoders are its own, and made anew after an error: only the class they are made from can be reached.
 */
export function keepByteOrderMarks(): void {
  if (new TextDecoder().ignoreBOM) return
  globalThis.TextDecoder = class extends TextDecoder {
    constructor(...[label, options]: ConstructorParameters<typeof TextDecoder>) {
      super(label, { ignoreBOM: true, ...options })
    }
  }
}

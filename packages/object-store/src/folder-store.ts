import { randomUUID } from 'node:crypto'
import { copyFile, type FileHandle, link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileNameOf, keyOfFileName } from './file-name.ts'
import { FolderLock } from './folder-lock.ts'
import { FolderSync } from './folder-sync.ts'
import { checkKey, compareKeys } from './object-key.ts'
import { type ByteRange, type ObjectInfo, type ObjectStore, ObjectStoreError } from './object-store.ts'

/** Folder of unfinished writes, on the same disk; no key can name it (see `fileNameOf`). */
const UNFINISHED = '%unfinished'
/** Beside the unfinished writes, whose names are random. */
const LOCK = 'lock.sqlite'

/**
 * An object store in a folder. A write goes to a temporary file, is fsynced, then linked (put if absent) or renamed
 * (put) into place, and the folder is fsynced. Any number of processes may share it.
 *
 * An ETag is made of inode, size and time of change: each write makes a new file, so no two contents share one.
 * `replaceIfMatch` compares and renames under a lock that its process cannot leave behind; see `FolderLock`.
 */
export async function openFolderStore(path: string): Promise<ObjectStore> {
  await mkdir(join(path, UNFINISHED), { recursive: true })
  return new FolderStore(path)
}

class FolderStore implements ObjectStore {
  readonly location: string
  readonly #root: string
  readonly #sync = new FolderSync()
  readonly #replacing: FolderLock

  constructor(root: string) {
    this.#root = root
    this.location = root
    this.#replacing = new FolderLock(join(root, UNFINISHED, LOCK))
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    const path = this.#path(key)
    if (!range) return orUndefined(readFile(path))
    const info = await this.head(key)
    if (!info) return undefined
    const { start, end } = within(range, info.size, key)
    const file = await orUndefined(open(path, 'r'))
    if (!file) return undefined
    try {
      const bytes = Buffer.alloc(end - start + 1)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start)
      return bytes.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  }

  async read(key: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined> {
    const file = await orUndefined(open(this.#path(key), 'r'))
    if (!file) return undefined
    const { size } = await file.stat()
    if (size === 0 && !range) {
      await file.close()
      return emptyStream()
    }
    try {
      return file.createReadStream(range ? within(range, size, key) : {})
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    return this.#info(key, this.#path(key))
  }

  async put(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
    const temporary = await this.#writeTemporary((file) => file.writeFile(bytes))
    return this.#moveIn(temporary, key)
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<{ kind: 'created'; etag: string } | { kind: 'exists' }> {
    const path = this.#path(key)
    const temporary = await this.#writeTemporary((file) => file.writeFile(bytes))
    try {
      await this.#into(path, () => link(temporary, path))
      const etag = etagOf(await stat(path, { bigint: true }))
      await this.#sync.folder(dirname(path))
      return { kind: 'created', etag }
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return { kind: 'exists' }
      throw failed(error, key)
    } finally {
      await rm(temporary, { force: true })
    }
  }

  async replaceIfMatch(key: string, bytes: Uint8Array, etag: string): Promise<{ etag: string } | undefined> {
    checkKey(key)
    try {
      return await this.#replacing.hold(async () =>
        (await this.head(key))?.etag === etag ? this.put(key, bytes) : undefined,
      )
    } catch (error) {
      throw failed(error, key)
    }
  }

  async putFile(key: string, path: string): Promise<{ etag: string; size: number }> {
    const file = await open(path, 'r')
    const { size } = await file.stat()
    await file.datasync()
    await file.close()
    try {
      return { ...(await this.#moveIn(path, key)), size }
    } catch (error) {
      if (!(error instanceof ObjectStoreError) || codeOf(error.cause) !== 'EXDEV') throw error
      const temporary = join(this.#root, UNFINISHED, randomUUID())
      await copyFile(path, temporary)
      const copy = await open(temporary, 'r')
      await copy.sync()
      await copy.close()
      await rm(path)
      return { ...(await this.#moveIn(temporary, key)), size }
    }
  }

  async write(key: string, source: AsyncIterable<Uint8Array>): Promise<{ etag: string; size: number }> {
    checkKey(key)
    let size = 0
    const temporary = await this.#writeTemporary(async (file) => {
      for await (const chunk of source) {
        size += chunk.length
        await file.writeFile(chunk)
      }
    })
    return { ...(await this.#moveIn(temporary, key)), size }
  }

  async *list(prefix: string, options: { start_after?: string; limit?: number } = {}): AsyncIterable<ObjectInfo> {
    const folder = prefix.includes('/') ? prefix.slice(0, prefix.lastIndexOf('/') + 1) : ''
    let left = options.limit ?? Number.POSITIVE_INFINITY
    for await (const key of this.#keys(folder, prefix, options.start_after ?? '')) {
      if (left-- <= 0) return
      const info = await this.#info(key, this.#path(key))
      if (info) yield info
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) await rm(this.#path(key), { force: true })
  }

  async copy(from: string, to: string): Promise<boolean> {
    const source = await this.read(from)
    if (!source) return false
    await this.write(to, source)
    return true
  }

  async localPath(key: string): Promise<string> {
    const path = this.#path(key)
    if (!(await orUndefined(stat(path))))
      throw new ObjectStoreError('not_found', `there is no object ${key} in ${this.location}`)
    return path
  }

  async dropUnfinished(before_ms: number): Promise<number> {
    const folder = join(this.#root, UNFINISHED)
    let dropped = 0
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      const found = name === LOCK ? undefined : await orUndefined(stat(path))
      if (!found || found.mtimeMs >= before_ms) continue
      await rm(path, { force: true })
      dropped++
    }
    return dropped
  }

  async close(): Promise<void> {}

  #path(key: string): string {
    checkKey(key)
    return join(this.#root, ...key.split('/').map(fileNameOf))
  }

  async #info(key: string, path: string): Promise<ObjectInfo | undefined> {
    const found = await orUndefined(stat(path, { bigint: true }))
    if (!found?.isFile()) return undefined
    return { key, size: Number(found.size), etag: etagOf(found), modified_at_ms: Number(found.mtimeMs) }
  }

  async #writeTemporary(write: (file: FileHandle) => Promise<void>): Promise<string> {
    const path = join(this.#root, UNFINISHED, randomUUID())
    try {
      const file = await open(path, 'wx')
      try {
        await write(file)
        await file.datasync()
      } finally {
        await file.close()
      }
      return path
    } catch (error) {
      await rm(path, { force: true })
      throw failed(error, path)
    }
  }

  async #moveIn(temporary: string, key: string): Promise<{ etag: string }> {
    const path = this.#path(key)
    try {
      const etag = etagOf(await stat(temporary, { bigint: true }))
      await this.#into(path, () => rename(temporary, path))
      await this.#sync.folder(dirname(path))
      return { etag }
    } catch (error) {
      throw failed(error, key)
    }
  }

  /** Runs the step that puts a file in its place; makes the folders when they are missing. */
  async #into(path: string, step: () => Promise<void>): Promise<void> {
    try {
      await step()
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      const first = await mkdir(dirname(path), { recursive: true })
      if (first) await this.#sync.folder(dirname(first))
      await step()
    }
  }

  /** Keys below a folder in order of their bytes: a folder sorts as its name with a slash. */
  async *#keys(folder: string, prefix: string, start_after: string): AsyncIterable<string> {
    const path = join(this.#root, ...folder.split('/').filter(Boolean).map(fileNameOf))
    const entries = (await orUndefined(readdir(path, { withFileTypes: true }))) ?? []
    // Few of many are asked for when a log is followed: of the others not even a key is made.
    const after = start_after.startsWith(folder) ? start_after.slice(folder.length) : ''
    const names: string[] = []
    for (const entry of entries) {
      const name = keyOfFileName(entry.name)
      if (!entry.isDirectory()) {
        if (compareKeys(name, after) > 0) names.push(`${folder}${name}`)
      } else if (entry.name !== UNFINISHED) names.push(`${folder}${name}/`)
    }
    names.sort(compareKeys)
    for (const name of names) {
      if (!name.startsWith(prefix) && !prefix.startsWith(name)) continue
      if (!name.endsWith('/')) {
        if (name.startsWith(prefix) && compareKeys(name, start_after) > 0) yield name
      } else if (compareKeys(name, start_after) > 0 || start_after.startsWith(name))
        yield* this.#keys(name, prefix, start_after)
    }
  }
}

function within({ start, end }: ByteRange, size: number, key: string): { start: number; end: number } {
  if (start < 0 || start >= size || (end !== undefined && end < start)) {
    throw new ObjectStoreError(
      'invalid_range',
      `expected a range inside the ${size} bytes of ${key}; got ${start} to ${end ?? 'the end'}`,
    )
  }
  return { start, end: Math.min(end ?? size - 1, size - 1) }
}

async function* emptyStream(): AsyncIterable<Uint8Array> {}

const etagOf = ({ ino, size, mtimeNs }: { ino: bigint; size: bigint; mtimeNs: bigint }) =>
  `${ino.toString(36)}-${size.toString(36)}-${mtimeNs.toString(36)}`

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : undefined)

async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
    throw failed(error, '')
  }
}

function failed(error: unknown, key: string): ObjectStoreError {
  if (error instanceof ObjectStoreError) return error
  const message = `${key}: ${error instanceof Error ? error.message : String(error)}`
  const code = codeOf(error)
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new ObjectStoreError('no_space', `${message}: make room on the disk`, { cause: error, retryable: true })
  if (code === 'EACCES' || code === 'EPERM')
    return new ObjectStoreError('access_denied', `${message}: give this user the right to write there`, {
      cause: error,
    })
  if (code === 'ENOTDIR' || code === 'EISDIR' || code === 'ENAMETOOLONG')
    return new ObjectStoreError('invalid_key', `${message}: the key cannot stand beside the others in a folder`, {
      cause: error,
    })
  return new ObjectStoreError('failed', message, { cause: error, retryable: code === 'EMFILE' })
}

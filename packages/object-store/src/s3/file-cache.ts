import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ObjectStoreError } from '../object-store.ts'
import { writtenFile } from '../written-file.ts'

export interface FileCacheOptions {
  path: string
  limit_bytes: number
  /** A path that was handed out is not taken away for this long. */
  keep_ms: number
  /** The folder is removed at `close`. */
  temporary?: boolean
  now?: () => number
}

/** Which content of an object a file holds. */
export interface CachedContent {
  key: string
  etag: string
  size: number
}

interface Entry {
  size: number
  /** Found at start: its bytes are compared with the ETag before it is used. */
  unproved: boolean
  handed_out_at_ms: number
}

const UNFINISHED = '.unfinished'

/**
 * Copies of objects as files of one folder, for engines that read files. Bounded: the least recently used go first,
 * except those handed out a short while ago. A file is named after key, ETag and size, so it can never be taken for
 * another content; after a restart it is used only if its bytes have the ETag's MD5.
 */
export class FileCache {
  readonly #options: FileCacheOptions
  readonly #now: () => number
  /** By name, the least recently used first. */
  readonly #entries = new Map<string, Entry>()
  readonly #coming = new Map<string, Promise<string>>()
  #bytes = 0

  static async open(options: FileCacheOptions): Promise<FileCache> {
    const cache = new FileCache(options)
    await cache.#findFiles()
    return cache
  }

  private constructor(options: FileCacheOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** Bytes of all files, those on their way included. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * The path of a file with this content, fetched if it is not here.
   * @throws ObjectStoreError `no_space` if it cannot be fitted in beside what was handed out
   */
  path(content: CachedContent, fetch: () => AsyncIterable<Uint8Array>): Promise<string> {
    const name = nameOf(content)
    const coming = this.#coming.get(name)
    if (coming) return coming
    const path = this.#path(name, content, fetch).finally(() => this.#coming.delete(name))
    this.#coming.set(name, path)
    return path
  }

  /** Takes over a file that holds this content; deletes it if there is no room for it. */
  async take(content: CachedContent, path: string): Promise<void> {
    const name = nameOf(content)
    if (this.#entries.has(name) || !(await this.#reserve(content.size))) return rm(path, { force: true })
    try {
      await rename(path, this.#pathOf(name))
    } catch {
      // On another disk: it is fetched when it is wanted.
      this.#bytes -= content.size
      return rm(path, { force: true })
    }
    this.#entries.set(name, { size: content.size, unproved: false, handed_out_at_ms: Number.NEGATIVE_INFINITY })
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#coming.values())
    if (this.#options.temporary) await rm(this.#options.path, { recursive: true, force: true })
  }

  async #path(name: string, content: CachedContent, fetch: () => AsyncIterable<Uint8Array>): Promise<string> {
    const entry = this.#entries.get(name)
    if (entry && (await this.#isGood(name, entry, content))) {
      this.#entries.delete(name)
      this.#entries.set(name, { ...entry, unproved: false, handed_out_at_ms: this.#now() })
      return this.#pathOf(name)
    }
    if (entry) await this.#drop(name, entry)
    if (!(await this.#reserve(content.size)))
      throw new ObjectStoreError(
        'no_space',
        `${content.key}: expected room for ${content.size} bytes in the cache ${this.#options.path}; the ${this.#bytes} bytes in it are in use and its limit is ${this.#options.limit_bytes}: raise the limit`,
        { retryable: true },
      )
    const unfinished = join(this.#options.path, `${randomUUID()}${UNFINISHED}`)
    try {
      await writtenFile(unfinished, (file) => pipeline(fetch(), file))
      const { size } = await stat(unfinished)
      if (size !== content.size)
        throw new ObjectStoreError('failed', `${content.key}: expected ${content.size} bytes, ${size} came`, {
          retryable: true,
        })
      await rename(unfinished, this.#pathOf(name))
    } catch (error) {
      this.#bytes -= content.size
      await rm(unfinished, { force: true })
      throw error
    }
    this.#entries.set(name, { size: content.size, unproved: false, handed_out_at_ms: this.#now() })
    return this.#pathOf(name)
  }

  /** Whether the file is still there with its size, and, if it is from an earlier process, with its bytes. */
  async #isGood(name: string, entry: Entry, { etag }: CachedContent): Promise<boolean> {
    const found = await stat(this.#pathOf(name)).catch(() => undefined)
    if (found?.size !== entry.size) return false
    if (!entry.unproved) return true
    const hash = createHash('md5')
    for await (const chunk of createReadStream(this.#pathOf(name))) hash.update(chunk)
    return etag === `"${hash.digest('hex')}"`
  }

  /**
   * Makes room and counts the bytes as there, before anything is waited for: what is on its way takes room too. `false`,
   * and nothing is counted, if they cannot be fitted in.
   */
  async #reserve(size: number): Promise<boolean> {
    const { limit_bytes, keep_ms } = this.#options
    if (size > limit_bytes) return false
    const kept_since = this.#now() - keep_ms
    const leaving: Promise<void>[] = []
    for (const [name, entry] of this.#entries) {
      if (this.#bytes + size <= limit_bytes) break
      if (entry.handed_out_at_ms <= kept_since) leaving.push(this.#drop(name, entry))
    }
    const fits = this.#bytes + size <= limit_bytes
    if (fits) this.#bytes += size
    try {
      await Promise.all(leaving)
    } catch (error) {
      if (fits) this.#bytes -= size
      throw error
    }
    return fits
  }

  async #drop(name: string, entry: Entry): Promise<void> {
    if (this.#entries.get(name) === entry) {
      this.#entries.delete(name)
      this.#bytes -= entry.size
    }
    await rm(this.#pathOf(name), { force: true })
  }

  #pathOf(name: string): string {
    return join(this.#options.path, name)
  }

  /** What an earlier process left, oldest first. */
  async #findFiles(): Promise<void> {
    const { path, limit_bytes } = this.#options
    await mkdir(path, { recursive: true })
    const found: { name: string; size: number; mtimeMs: number }[] = []
    for (const name of await readdir(path)) {
      const { size, mtimeMs } = await stat(join(path, name))
      if (NAME.exec(name)?.[1] === String(size)) found.push({ name, size, mtimeMs })
      else if (name.endsWith(UNFINISHED) || NAME.test(name)) await rm(join(path, name), { force: true })
    }
    found.sort((a, b) => a.mtimeMs - b.mtimeMs)
    for (const { name, size } of found) {
      this.#entries.set(name, { size, unproved: true, handed_out_at_ms: Number.NEGATIVE_INFINITY })
      this.#bytes += size
    }
    if (this.#bytes > limit_bytes) await this.#reserve(0)
  }
}

const NAME = /^[0-9a-f]{48}-(\d+)(?:\.[A-Za-z0-9.]{1,32})?$/

/** Ends as the key does, since engines judge a file by its ending. */
function nameOf({ key, etag, size }: CachedContent): string {
  const digest = createHash('sha256').update(key).update('\0').update(etag).digest('hex').slice(0, 48)
  const ending = /(?:\.[A-Za-z0-9]{1,10}){1,2}$/.exec(key)?.[0] ?? ''
  return `${digest}-${size}${ending}`
}

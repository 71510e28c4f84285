import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { DeltaStore, StoredObject } from '../src/store.ts'

let temporary = 0

/** Objects as files of a folder, as durable as the folder store of the product: fsync of file and folder. */
export class FolderStore implements DeltaStore {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async get(key: string, range?: { start: number; end: number }): Promise<Uint8Array | undefined> {
    if (!range) return readFile(join(this.#folder, key)).catch(absent)
    const file = await open(join(this.#folder, key)).catch(absent)
    if (!file) return undefined
    const { buffer, bytesRead } = await file.read(Buffer.alloc(range.end - range.start + 1), 0, null, range.start)
    await file.close()
    return buffer.subarray(0, bytesRead)
  }

  async head(key: string): Promise<StoredObject | undefined> {
    const stats = await stat(join(this.#folder, key)).catch(absent)
    return stats && { key, size: stats.size, modified_at_ms: Math.floor(stats.mtimeMs), etag: String(stats.mtimeMs) }
  }

  async put(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
    await rename(await this.#written(key, bytes), join(this.#folder, key))
    return { etag: '' }
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<{ kind: 'created'; etag: string } | { kind: 'exists' }> {
    const path = await this.#written(key, bytes)
    try {
      await link(path, join(this.#folder, key))
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return { kind: 'exists' }
      throw error
    } finally {
      await rm(path)
    }
    const folder = await open(dirname(join(this.#folder, key)))
    await folder.sync()
    await folder.close()
    return { kind: 'created', etag: '' }
  }

  async *list(prefix: string, options: { start_after?: string; limit?: number } = {}): AsyncGenerator<StoredObject> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    const names = (await readdir(join(this.#folder, folder)).catch(absent)) ?? []
    let left = options.limit ?? Number.POSITIVE_INFINITY
    for (const key of names.map((name) => folder + name).sort()) {
      if (!key.startsWith(prefix) || key <= (options.start_after ?? '')) continue
      const info = await this.head(key)
      if (info && left-- > 0) yield info
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) await rm(join(this.#folder, key), { force: true })
  }

  async #written(key: string, bytes: Uint8Array): Promise<string> {
    const path = `${join(this.#folder, key)}.${process.pid}-${++temporary}.tmp`
    await mkdir(dirname(path), { recursive: true })
    const file = await open(path, 'w')
    await file.writeFile(bytes)
    await file.sync()
    await file.close()
    return path
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'EISDIR' || error.code === 'ENOTDIR') return undefined
  throw error
}

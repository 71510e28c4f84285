import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkKey, compareKeys } from './object-key.ts'
import { type ObjectInfo, type ObjectStore, ObjectStoreError } from './object-store.ts'

/** What goes wrong before or after an operation. `after` has done its work and loses the answer. */
export interface Faults {
  /** Asked before each operation; throw to fail it, await to slow it down. */
  before?: (operation: string, key: string) => Promise<void> | void
  /** Asked after each operation took effect; throw to lose its answer. */
  after?: (operation: string, key: string) => Promise<void> | void
}

/** An object store in memory, for tests: no durability, every other line of the contract, and faults on demand. */
export function openMemoryStore({ faults = {} }: { faults?: Faults } = {}): ObjectStore {
  const objects = new Map<string, { bytes: Uint8Array; etag: string; modified_at_ms: number }>()
  let folder: Promise<string> | undefined

  async function doing<T>(operation: string, key: string, work: () => T | Promise<T>): Promise<T> {
    checkKey(key)
    await faults.before?.(operation, key)
    const result = await work()
    await faults.after?.(operation, key)
    return result
  }
  const set = (key: string, bytes: Uint8Array) => {
    const etag = randomUUID()
    objects.set(key, { bytes: Uint8Array.from(bytes), etag, modified_at_ms: Date.now() })
    return { etag }
  }
  const infoOf = (key: string): ObjectInfo | undefined => {
    const object = objects.get(key)
    return object && { key, size: object.bytes.length, etag: object.etag, modified_at_ms: object.modified_at_ms }
  }

  const store: ObjectStore = {
    location: 'memory',
    get: (key, range) =>
      doing('get', key, () => {
        const bytes = objects.get(key)?.bytes
        if (!bytes || !range) return bytes
        if (range.start < 0 || range.start >= bytes.length)
          throw new ObjectStoreError(
            'invalid_range',
            `expected a range inside the ${bytes.length} bytes of ${key}; got one from ${range.start}`,
          )
        return bytes.subarray(range.start, range.end === undefined ? undefined : range.end + 1)
      }),
    async read(key, range) {
      const bytes = await store.get(key, range)
      return (
        bytes &&
        (async function* () {
          yield bytes
        })()
      )
    },
    head: (key) => doing('head', key, () => infoOf(key)),
    put: (key, bytes) => doing('put', key, () => set(key, bytes)),
    putIfAbsent: (key, bytes) =>
      doing('putIfAbsent', key, () =>
        objects.has(key) ? { kind: 'exists' as const } : { kind: 'created' as const, ...set(key, bytes) },
      ),
    replaceIfMatch: (key, bytes, etag) =>
      doing('replaceIfMatch', key, () => (objects.get(key)?.etag === etag ? set(key, bytes) : undefined)),
    putFile: (key, path) =>
      doing('putFile', key, async () => {
        const bytes = await readFile(path)
        const { etag } = set(key, bytes)
        await rm(path)
        return { etag, size: bytes.length }
      }),
    async write(key, source) {
      const chunks: Uint8Array[] = []
      for await (const chunk of source) chunks.push(chunk)
      const bytes = Buffer.concat(chunks)
      return { ...(await store.put(key, bytes)), size: bytes.length }
    },
    async *list(prefix, options = {}) {
      await faults.before?.('list', prefix)
      const keys = [...objects.keys()]
        .filter((key) => key.startsWith(prefix) && compareKeys(key, options.start_after ?? '') > 0)
        .sort(compareKeys)
      for (const key of keys.slice(0, options.limit)) {
        const info = infoOf(key)
        if (info) yield info
      }
    },
    async delete(keys) {
      for (const key of keys) await doing('delete', key, () => objects.delete(key))
    },
    async copy(from, to) {
      const bytes = await store.get(from)
      if (bytes) await store.put(to, bytes)
      return bytes !== undefined
    },
    async localPath(key) {
      const bytes = await store.get(key)
      if (!bytes) throw new ObjectStoreError('not_found', `there is no object ${key} in memory`)
      folder ??= mkdtemp(join(tmpdir(), 'memory-store-'))
      const path = join(await folder, `${objects.get(key)?.etag}-${key.split('/').at(-1)}`)
      await writeFile(path, bytes)
      return path
    },
    async close() {
      if (folder) await rm(await folder, { recursive: true, force: true })
      folder = undefined
    },
  }
  return store
}

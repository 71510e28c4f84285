import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ByteRange, type ObjectStore, ObjectStoreError } from '@sluice/object-store'

/** Objects in memory, as far as ingest uses a store; it fails where a test says so. */
export class FakeObjectStore implements ObjectStore {
  readonly location = 'memory'
  readonly objects = new Map<string, Uint8Array>()
  fault: ObjectStoreError | undefined

  async get(key: string, range?: ByteRange) {
    this.#check()
    const bytes = this.objects.get(key)
    return range ? bytes?.subarray(range.start, (range.end ?? bytes.length - 1) + 1) : bytes
  }
  async read(key: string, range?: ByteRange) {
    const bytes = await this.get(key, range)
    return (
      bytes &&
      (async function* () {
        for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
      })()
    )
  }
  async head(key: string) {
    this.#check()
    const bytes = this.objects.get(key)
    return bytes && { key, size: bytes.length, etag: etagOf(bytes), modified_at_ms: 0 }
  }
  async put(key: string, bytes: Uint8Array) {
    this.#check()
    this.objects.set(key, bytes)
    return { etag: etagOf(bytes) }
  }
  async putIfAbsent(key: string, bytes: Uint8Array) {
    if (this.objects.has(key)) return { kind: 'exists' as const }
    return { kind: 'created' as const, ...(await this.put(key, bytes)) }
  }
  async replaceIfMatch(): Promise<undefined> {
    return undefined
  }
  async putFile(key: string, path: string) {
    const bytes = await readFile(path)
    await rm(path)
    return { ...(await this.put(key, bytes)), size: bytes.length }
  }
  async write(): Promise<never> {
    throw new ObjectStoreError('failed', 'not used here')
  }
  async *list() {}
  async delete() {}
  async copy() {
    return false
  }
  async localPath(key: string) {
    const path = join(await mkdtemp(join(tmpdir(), 'ingest-object-')), 'object')
    await writeFile(path, this.objects.get(key)!)
    return path
  }
  async close() {}

  #check() {
    if (this.fault) throw this.fault
  }
}

const etagOf = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex')

import type { DeltaStore, StoredObject } from '../src/store.ts'

/** An object store in memory, with a clock of its own and a count of its calls. */
export class MemoryStore implements DeltaStore {
  objects = new Map<string, { bytes: Uint8Array; modified_at_ms: number; etag: string }>()
  readonly calls: string[] = []
  now_ms = 0
  #etag = 0

  async get(key: string, range?: { start: number; end: number }): Promise<Uint8Array | undefined> {
    this.calls.push(`get ${key}`)
    return this.objects.get(key)?.bytes.subarray(range?.start ?? 0, range && range.end + 1)
  }

  async head(key: string): Promise<StoredObject | undefined> {
    this.calls.push(`head ${key}`)
    const object = this.objects.get(key)
    return object && { key, size: object.bytes.length, modified_at_ms: object.modified_at_ms, etag: object.etag }
  }

  async put(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
    this.calls.push(`put ${key}`)
    const etag = String(++this.#etag)
    this.objects.set(key, { bytes, modified_at_ms: this.now_ms, etag })
    return { etag }
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<{ kind: 'created'; etag: string } | { kind: 'exists' }> {
    if (!this.objects.has(key)) return { kind: 'created', ...(await this.put(key, bytes)) }
    this.calls.push(`put ${key}`)
    return { kind: 'exists' }
  }

  async replaceIfMatch(key: string, bytes: Uint8Array, etag: string): Promise<{ etag: string } | undefined> {
    return this.objects.get(key)?.etag === etag ? this.put(key, bytes) : undefined
  }

  async *list(prefix: string, options: { start_after?: string; limit?: number } = {}): AsyncGenerator<StoredObject> {
    this.calls.push(`list ${prefix}`)
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > (options.start_after ?? ''))
    for (const key of keys.sort().slice(0, options.limit)) {
      const object = this.objects.get(key)
      if (object) yield { key, size: object.bytes.length, modified_at_ms: object.modified_at_ms, etag: object.etag }
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.objects.delete(key)
  }

  text(key: string, text: string): void {
    this.objects.set(key, {
      bytes: new TextEncoder().encode(text),
      modified_at_ms: this.now_ms,
      etag: String(++this.#etag),
    })
  }
}

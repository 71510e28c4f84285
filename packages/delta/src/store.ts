/** What a listing or a head request tells about an object. */
export interface StoredObject {
  key: string
  /** Bytes. */
  size: number
  modified_at_ms: number
  /** Opaque; changes whenever the content does. */
  etag: string
}

/**
 * The part of an object store that a Delta table needs. Keys are slash-separated.
 *
 * - A write is durable and visible when its promise resolves; nobody ever sees half of one.
 * - `putIfAbsent` has exactly one winner among any number of writers (PROTOCOL.md, Creation of New Log Entries).
 *   What it throws leaves the outcome open: the table settles it by reading back.
 * - `list` gives keys in ascending order of their UTF-8 bytes, strictly after `start_after`. A listing that does not see the
 *   newest objects yet is tolerated, as long as it is no more than minutes old.
 */
export interface DeltaStore {
  /** The object's bytes; with a range (both ends included) those, or more: a store may leave ranges to others. */
  get(key: string, range?: { start: number; end: number }): Promise<Uint8Array | undefined>
  head(key: string): Promise<StoredObject | undefined>
  putIfAbsent(key: string, bytes: Uint8Array): Promise<{ kind: 'created'; etag: string } | { kind: 'exists' }>
  put(key: string, bytes: Uint8Array): Promise<{ etag: string }>
  /** Optional: with it `_last_checkpoint` cannot go back even when two writers race for it. */
  replaceIfMatch?(key: string, bytes: Uint8Array, etag: string): Promise<{ etag: string } | undefined>
  list(prefix: string, options?: { start_after?: string; limit?: number }): AsyncIterable<StoredObject>
  /** Deleting what is not there is no error. */
  delete(keys: readonly string[]): Promise<void>
}

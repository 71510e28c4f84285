/** What a listing or a head request tells about an object. */
export interface ObjectInfo {
  key: string
  size: number
  /** Opaque; changes whenever the content does. */
  etag: string
  modified_at_ms: number
}

/** Byte range, both ends included, as in HTTP. `end` left out: to the end of the object. */
export interface ByteRange {
  start: number
  end?: number
}

/**
 * The outcome of a conditional put. `unknown` does not exist: an implementation settles a request whose answer was
 * lost by reading the object back.
 */
export type PutOutcome = { kind: 'created'; etag: string } | { kind: 'exists' }

/**
 * A flat store of immutable or replaceable objects under slash-separated keys: a folder on disk, or an S3 bucket.
 *
 * Contract (each line is a test of the contract suite):
 * - A write is durable when its promise resolves, and visible at once to every reader; nobody ever sees half of one.
 * - `putIfAbsent` has exactly one winner among any number of writers in any number of processes.
 * - `replaceIfMatch` replaces only the content that has the given ETag; one winner, if each writes another content than
 *   the one replaced (where an ETag is a hash of the content, writing the same bytes again leaves it as it was).
 * - `list` gives keys in ascending order of their UTF-8 bytes, strictly after `start_after`, in pages; it sees every
 *   object written before it began.
 * - Keys are 1 to 1,024 bytes of UTF-8 without NUL, without empty, `.` or `..` segments; others are refused with
 *   `invalid_key`. Any other character comes back from `list` as it went in.
 * - Transient failures are retried inside, with backoff and jitter; what is thrown is final for this call and is an
 *   `ObjectStoreError` with a `code`.
 */
export interface ObjectStore {
  /** For messages and logs: where this is, without credentials. */
  readonly location: string
  /** The object's bytes, or `undefined` if there is no such object. */
  get(key: string, range?: ByteRange): Promise<Uint8Array | undefined>
  /** As `get`, but streamed, never held in memory. */
  read(key: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined>
  head(key: string): Promise<ObjectInfo | undefined>
  /** Creates or replaces. */
  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<{ etag: string }>
  putIfAbsent(key: string, bytes: Uint8Array, options?: PutOptions): Promise<PutOutcome>
  /** `undefined` if the object's ETag is another by now, or the object is gone. */
  replaceIfMatch(key: string, bytes: Uint8Array, etag: string): Promise<{ etag: string } | undefined>
  /**
   * Makes a finished local file an object, consuming it: moved and fsynced in a folder on the same disk, uploaded (and
   * kept in the local cache) otherwise.
   */
  putFile(key: string, path: string): Promise<{ etag: string; size: number }>
  /** Streams into an object that appears only when the whole stream has arrived; on any failure nothing is left behind. */
  write(key: string, source: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<{ etag: string; size: number }>
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>
  /** Deleting what is not there is no error. */
  delete(keys: readonly string[]): Promise<void>
  /** Copies inside the store; `false` if there is no such source. */
  copy(from: string, to: string): Promise<boolean>
  /**
   * A path on this machine that holds the object's current bytes, for engines that read files: the object itself in a
   * folder store, a bounded local cache in front of S3. The file must not be changed. Throws `not_found`.
   */
  localPath(key: string): Promise<string>
  /**
   * Removes what writes of killed processes have left beside the objects (parts, temporary files), if they were begun
   * before an instant (milliseconds since the epoch): so long ago that none of them can go on any more. A store where
   * nothing is left has no such method.
   * @param below prefixes of keys: whatever else is in a bucket may be another program's
   * @returns how many
   */
  dropUnfinished?(before_ms: number, below: readonly string[]): Promise<number>
  close(): Promise<void>
}

export interface PutOptions {
  content_type?: string
}

export interface ListOptions {
  start_after?: string
  /** At most this many; all if left out. */
  limit?: number
}

export type ObjectStoreErrorCode =
  | 'invalid_key'
  | 'invalid_range'
  | 'not_found'
  | 'no_space'
  | 'access_denied'
  | 'unreachable'
  | 'no_conditional_put'
  | 'failed'

/** What should not happen in an object store. `retryable` says whether the same call may succeed later. */
export class ObjectStoreError extends Error {
  readonly code: ObjectStoreErrorCode
  readonly retryable: boolean
  constructor(code: ObjectStoreErrorCode, message: string, options?: { cause?: unknown; retryable?: boolean }) {
    super(message, { cause: options?.cause })
    this.name = 'ObjectStoreError'
    this.code = code
    this.retryable = options?.retryable ?? false
  }
}

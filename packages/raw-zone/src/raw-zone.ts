/**
 * The raw zone: what ingest made durable, for ever, and the write-ahead log from which the event log can always be
 * refilled. Two implementations pass one contract suite: segment files in a folder (appended, one fsync a batch), and
 * one compressed object a batch in any object store.
 *
 * An *incarnation* is one life of one ingest process. It numbers its batches 1, 2, 3, … without gaps: a number whose
 * write failed is filled by an empty batch before the next one is acknowledged. It stores how far it has published to
 * the log (`published`), and it holds a lease that it renews; an incarnation whose lease has run out is *adopted* by
 * another process, which publishes its tail. Nothing ever lists all of raw.
 */
export interface RawZone {
  /** For messages: where this is. */
  readonly location: string
  /** Begins an incarnation of this process. */
  begin(): Promise<RawWriter>
  /** All incarnations that may still have unpublished batches, and their state; finished ones are left out. */
  unfinished(): Promise<IncarnationState[]>
  /**
   * Takes over an incarnation whose lease has run out (or, with `force`, any: a folder has one process at a time).
   * `undefined` if it is alive or another process was quicker. The adopter publishes from `published` to the end, then
   * calls `finish`.
   */
  adopt(incarnation: string, options?: { force?: boolean }): Promise<AdoptedIncarnation | undefined>
  /** One batch by number; `undefined` if there is no such batch (yet). An empty batch has no lines. */
  batch(incarnation: string, number: number): Promise<RawBatch | undefined>
  /**
   * An incarnation's acknowledged batches from one number to another, both in, in order; one that is missing is the error
   * `corrupt`. For reading many: about 8 MB are fetched before they are asked for.
   */
  batches(incarnation: string, range: BatchRange): AsyncIterable<RawBatch>
  /** The batch of a receipt: `batch_id` is `<incarnation>-<number>`. */
  find(batch_id: string): Promise<RawBatch | undefined>
  /** The number of the newest durable batch of every incarnation, finished or not: the raw watermarks. */
  heads(): Promise<{ incarnation: string; head: number; lines: number }[]>
  /**
   * Local paths of files that hold all raw lines up to the given heads, readable as newline-delimited JSON by an engine
   * (`compression` as its reader wants it). Lines that have no `event_id` are no raw lines (batch trailers) and must be skipped.
   */
  files(): Promise<RawFile[]>
  close(): Promise<void>
}

export interface BatchRange {
  from: number
  to: number
}

export interface RawFile {
  key: string
  path: string
  compression: 'none' | 'zstd'
  /** Only this many bytes are complete batches; the rest is being written. */
  bytes: number
}

export interface IncarnationState {
  incarnation: string
  /** Every batch up to this number is on the log that this zone was opened with. */
  published: number
  lease_until_ms: number
}

export interface RawBatch {
  batch_id: string
  number: number
  /** The object or segment that holds it. */
  key: string
  /** Its raw lines, each ended by a line feed (see `RawLine` in events); empty if the batch is empty. */
  bytes: Uint8Array
  lines: number
}

export interface RawWriter {
  readonly incarnation: string
  /**
   * Makes one batch durable. `encode` gets the batch's id and returns its lines; it may be called again with another id
   * if a write failed and the number had to be filled. One at a time for segments; the caller gathers, the writer
   * orders. Rejects with a `RawZoneError` when nothing could be made durable: then nothing was acknowledged.
   */
  append(encode: (batch_id: string) => { bytes: Uint8Array; lines: number }): Promise<RawBatch>
  /** Every batch up to `number` is on the log. Never goes back. May be written behind, at most a second late. */
  published(number: number): Promise<void>
  /** Ends the incarnation; all its batches must have been published. */
  finish(): Promise<void>
}

export interface AdoptedIncarnation {
  readonly incarnation: string
  /** Publish from the batch after this one. */
  readonly published: number
  /** All batches after `published`, or after another one, in order, to the end. One that is missing is the error `corrupt`. */
  tail(after?: number): AsyncIterable<RawBatch>
  advanced(number: number): Promise<void>
  finish(): Promise<void>
  /**
   * Gives it up: any process may adopt it at once, this one too, and goes on after the last `advanced`. After `finish` there
   * is nothing to give up. If it rejects, the lease runs out.
   */
  release(): Promise<void>
}

export type RawZoneErrorCode = 'no_space' | 'locked' | 'fenced' | 'corrupt' | 'failed'

export class RawZoneError extends Error {
  readonly code: RawZoneErrorCode
  readonly retryable: boolean
  constructor(code: RawZoneErrorCode, message: string, options?: { cause?: unknown; retryable?: boolean }) {
    super(message, { cause: options?.cause })
    this.name = 'RawZoneError'
    this.code = code
    this.retryable = options?.retryable ?? false
  }
}

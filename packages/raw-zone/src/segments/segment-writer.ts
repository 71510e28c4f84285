import { type FileHandle, open } from 'node:fs/promises'
import { batchId } from '../batch-id.ts'
import { type RawBatch, type RawWriter, RawZoneError } from '../raw-zone.ts'
import { type IncarnationFile, syncFolder, writeState } from './incarnation-state.ts'
import { indexPath, indexPosition, indexRecord, segmentName, segmentPath, trailerOf } from './segment-file.ts'

export interface SegmentWriterOptions {
  incarnation: string
  folder: string
  key: string
  segment_bytes: number
  /** The published number is written at most this often. */
  publish_every_ms: number
}

const BATCH_LIMIT_BYTES = 1024 ** 3

/** Appends batches to segment files: one write and one fdatasync a batch. */
export class SegmentWriter implements RawWriter {
  readonly incarnation: string
  readonly #options: SegmentWriterOptions
  #segment: { first: number; file: FileHandle; index: FileHandle; end: number } | undefined
  #sealed: { first: number; end: number }[] = []
  #last: Promise<unknown> = Promise.resolve()
  #published = 0
  #later: NodeJS.Timeout | undefined
  #stateWritten: Promise<void> = Promise.resolve()
  #closed = false
  head = 0
  lines = 0

  constructor(options: SegmentWriterOptions) {
    this.incarnation = options.incarnation
    this.#options = options
  }

  /** Segments with the bytes of their complete batches. */
  get segments(): { first: number; end: number }[] {
    return this.#segment ? [...this.#sealed, this.#segment] : this.#sealed
  }

  append(encode: (batch_id: string) => { bytes: Uint8Array; lines: number }): Promise<RawBatch> {
    const batch = this.#last.then(() => this.#append(encode))
    this.#last = batch.catch(() => undefined)
    return batch
  }

  async published(number: number): Promise<void> {
    if (number <= this.#published) return
    this.#published = number
    // What could not be written is published again after a restart, and known as delivered before.
    this.#later ??= setTimeout(() => this.#writeState().catch(() => undefined), this.#options.publish_every_ms).unref()
  }

  async finish(): Promise<void> {
    await this.close()
    await this.#writeState({ published: this.head, finished: { head: this.head, lines: this.lines } })
  }

  /** May be called again, also after `finish`. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#last
    await this.#writeState()
    await this.#closeSegment()
  }

  /** One write at a time. */
  #writeState(state?: IncarnationFile): Promise<void> {
    clearTimeout(this.#later)
    this.#later = undefined
    this.#stateWritten = this.#stateWritten
      .catch(() => undefined)
      .then(() => writeState(this.#options.folder, state ?? { published: this.#published }))
    return this.#stateWritten
  }

  async #append(encode: (batch_id: string) => { bytes: Uint8Array; lines: number }): Promise<RawBatch> {
    const number = this.head + 1
    const batch_id = batchId(this.incarnation, number)
    const { bytes, lines } = encode(batch_id)
    if (bytes.length > BATCH_LIMIT_BYTES)
      throw new RawZoneError(
        'failed',
        `expected a raw batch of at most ${BATCH_LIMIT_BYTES} bytes; got ${bytes.length}`,
      )
    try {
      const segment = await this.#writable(number)
      const whole = Buffer.concat([bytes, trailerOf(batch_id, bytes, lines)])
      await writeWhole(segment.file, whole, segment.end)
      await segment.file.datasync()
      const place = { number, start: segment.end, end: segment.end + bytes.length, lines }
      segment.end += whole.length
      this.head = number
      this.lines += lines
      // Not fsynced, and a failure is no matter: what it says is in the segment.
      await writeWhole(segment.index, indexRecord(place), indexPosition(segment.first, number)).catch(() => undefined)
      return { batch_id, number, key: `${this.#options.key}/${segmentName(segment.first)}`, bytes, lines }
    } catch (error) {
      await this.#undo()
      throw failureOf(error)
    }
  }

  /** Cuts off what a failed write left, so that the number can be given again. */
  async #undo(): Promise<void> {
    const segment = this.#segment
    if (!segment) return
    try {
      await segment.file.truncate(segment.end)
      await segment.file.datasync()
    } catch {
      // Nothing may follow bytes of unknown state: the next batch begins a segment of its own. A batch without an intact
      // trailer at the end of a segment was never acknowledged and is skipped by every reader.
      await this.#closeSegment().catch(() => undefined)
    }
  }

  async #writable(number: number) {
    if (this.#segment && this.#segment.end < this.#options.segment_bytes) return this.#segment
    await this.#closeSegment()
    const path = segmentPath(this.#options.folder, number)
    const file = await open(path, 'w')
    const index = await open(indexPath(path), 'w')
    await syncFolder(this.#options.folder)
    this.#segment = { first: number, file, index, end: 0 }
    return this.#segment
  }

  async #closeSegment(): Promise<void> {
    const segment = this.#segment
    if (!segment) return
    this.#segment = undefined
    this.#sealed.push({ first: segment.first, end: segment.end })
    await segment.file.close()
    await segment.index.close()
  }
}

/** A disk that gets full takes the first part of a write and says so; only the next write fails. */
async function writeWhole(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; )
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten
}

function failureOf(error: unknown): RawZoneError {
  if (error instanceof RawZoneError) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new RawZoneError('no_space', `the raw zone's disk is full: ${message}; make room`, {
      cause: error,
      retryable: true,
    })
  return new RawZoneError('failed', `the raw zone cannot be written: ${message}`, { cause: error, retryable: true })
}

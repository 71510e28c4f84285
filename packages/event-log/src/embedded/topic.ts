import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LogError, type LogRecord, type PartitionOffsets } from '../event-log.ts'
import { encodeBlock } from './block.ts'
import { openSegments, removeSegment, type Segment, segmentPath } from './segment.ts'

export interface TopicLimits {
  /** A segment that has grown beyond this is sealed. */
  segment_bytes: number
  record_limit_bytes: number
  /** At most this much is written by one fsync. */
  block_bytes: number
}

interface Pending {
  records: readonly LogRecord[]
  resolve: () => void
  reject: (error: LogError) => void
}

/** A topic on disk: blocks of interleaved partitions in segment files, so that one fsync serves all partitions. */
export class Topic {
  /** Given when the topic is made, and kept with it. */
  readonly id: string
  readonly #folder: string
  readonly #limits: TopicLimits
  #partitions: number
  #segments: Segment[]
  #next: Map<number, bigint>
  #file: FileHandle | undefined
  #pending: Pending[] = []
  #writing = false
  #changes = 0
  readonly #wakers = new Set<() => void>()

  private constructor(
    folder: string,
    limits: TopicLimits,
    id: string,
    partitions: number,
    segments: Segment[],
    next: Map<number, bigint>,
  ) {
    this.id = id
    this.#folder = folder
    this.#limits = limits
    this.#partitions = partitions
    this.#segments = segments
    this.#next = next
  }

  static async open(folder: string, limits: TopicLimits, partitions: number): Promise<Topic> {
    await mkdir(folder, { recursive: true })
    const kept = await readMeta(folder)
    const { segments, next } = await openSegments(folder, kept.first)
    const topic = new Topic(folder, limits, kept.id, Math.max(partitions, kept.partitions), segments, next)
    await topic.#writeMeta()
    return topic
  }

  get partitions(): number {
    return this.#partitions
  }

  get segments(): readonly Segment[] {
    return this.#segments
  }

  async grow(partitions: number): Promise<void> {
    if (partitions <= this.#partitions) return
    this.#partitions = partitions
    await this.#writeMeta()
  }

  offsets(): PartitionOffsets[] {
    const oldest = this.#segments[0]
    return Array.from({ length: this.#partitions }, (_, partition) => {
      const end = this.#next.get(partition) ?? 0n
      return { partition, earliest: oldest ? (oldest.first.get(partition) ?? 0n) : end, end }
    })
  }

  append(records: readonly LogRecord[]): Promise<void> {
    for (const { value, partition } of records) {
      if (value.length > this.#limits.record_limit_bytes)
        return Promise.reject(
          new LogError(
            'record_too_large',
            `expected records of at most ${this.#limits.record_limit_bytes} bytes; one has ${value.length}`,
          ),
        )
      if (!(partition >= 0 && partition < this.#partitions))
        return Promise.reject(
          new LogError('failed', `expected a partition below ${this.#partitions}; got ${partition}`),
        )
    }
    if (records.length === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#pending.push({ records, resolve, reject })
      if (!this.#writing) void this.#write()
    })
  }

  /** Counts what readers wait for: appends, rebalances, the end. */
  get changes(): number {
    return this.#changes
  }

  /** Resolves when `changes` is no longer `seen`, or after `ms`. */
  changed(seen: number, ms: number): Promise<void> {
    if (this.#changes !== seen) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.#wakers.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      this.#wakers.add(wake)
    })
  }

  wake(): void {
    this.#changes++
    for (const wake of [...this.#wakers]) wake()
  }

  /** Removes sealed segments all of whose records are below the given offsets. */
  async truncate(before: ReadonlyMap<number, bigint>): Promise<void> {
    let removed = false
    while (this.#segments.length > 1) {
      const [oldest, following] = this.#segments
      if (
        !oldest ||
        !following ||
        ![...following.first].every(([partition, first]) => first <= (before.get(partition) ?? 0n))
      )
        break
      this.#segments = this.#segments.slice(1)
      await this.#writeMeta()
      await removeSegment(oldest)
      removed = true
    }
    if (removed) this.wake()
  }

  async close(): Promise<void> {
    while (this.#writing) await new Promise((resolve) => setImmediate(resolve))
    await this.#file?.close()
    this.#file = undefined
    this.wake()
  }

  async #write(): Promise<void> {
    this.#writing = true
    while (this.#pending.length > 0) {
      const group = this.#takeGroup()
      const next = new Map(this.#next)
      const block = encodeBlock(
        group.flatMap(({ records }) => records),
        (partition) => {
          const offset = next.get(partition) ?? 0n
          next.set(partition, offset + 1n)
          return offset
        },
      )
      try {
        await this.#appendBlock(block)
        this.#next = next
        for (const { resolve } of group) resolve()
        this.wake()
      } catch (error) {
        const failure = failureOf(error)
        for (const { reject } of group) reject(failure)
      }
    }
    this.#writing = false
  }

  #takeGroup(): Pending[] {
    let bytes = 0
    let count = 0
    while (count < this.#pending.length && (count === 0 || bytes < this.#limits.block_bytes)) {
      bytes += this.#pending[count]?.records.reduce((sum, record) => sum + record.value.length, 0) ?? 0
      count++
    }
    return this.#pending.splice(0, count)
  }

  async #appendBlock(block: Buffer): Promise<void> {
    const segment = await this.#writable()
    this.#file ??= await open(segment.path, 'r+')
    try {
      await writeWhole(this.#file, block, segment.end)
      await this.#file.datasync()
      segment.end += block.length
    } catch (error) {
      // Readers stop at `end`; what lies behind it is overwritten by the next block or cut off at the next start.
      await this.#file.truncate(segment.end).catch(() => undefined)
      throw error
    }
  }

  async #writable(): Promise<Segment> {
    const last = this.#segments.at(-1)
    if (last && last.end < this.#limits.segment_bytes) return last
    const number = (last?.number ?? 0) + 1
    const path = segmentPath(this.#folder, number)
    await (await open(path, 'w')).close()
    await this.#file?.close()
    this.#file = undefined
    const segment: Segment = { number, path, first: new Map(this.#next), end: 0 }
    this.#segments = [...this.#segments, segment]
    await syncFolder(this.#folder)
    return segment
  }

  /** The id, the number of partitions, and the offsets at which the oldest segment begins. */
  async #writeMeta(): Promise<void> {
    const first = Object.fromEntries(
      [...(this.#segments[0]?.first ?? this.#next)].map(([partition, offset]) => [partition, offset.toString()]),
    )
    const path = join(this.#folder, 'topic.json')
    await writeFile(`${path}.new`, JSON.stringify({ id: this.id, partitions: this.#partitions, first }), {
      flush: true,
    })
    await rename(`${path}.new`, path)
    await syncFolder(this.#folder)
  }
}

/** A disk that gets full takes the first part of a write and says so; only the next write fails. */
async function writeWhole(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; )
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten
}

async function readMeta(folder: string): Promise<{ id: string; partitions: number; first: Map<number, bigint> }> {
  try {
    const meta = JSON.parse(await readFile(join(folder, 'topic.json'), 'utf8'))
    return {
      id: typeof meta.id === 'string' ? meta.id : randomUUID(),
      partitions: Number(meta.partitions),
      first: new Map(
        Object.entries(meta.first).map(([partition, offset]) => [Number(partition), BigInt(String(offset))]),
      ),
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return { id: randomUUID(), partitions: 0, first: new Map() }
    throw new LogError(
      'failed',
      `${folder}/topic.json cannot be read: ${String(error)}; remove the log's folder to refill it from the raw zone`,
      { cause: error },
    )
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function failureOf(error: unknown): LogError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new LogError('no_space', `${message}: make room on the disk`, { cause: error, retryable: true })
  return new LogError('failed', message, { cause: error, retryable: true })
}

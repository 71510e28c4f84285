import { type FileHandle, open } from 'node:fs/promises'
import {
  type ConsumerOptions,
  type LogConsumer,
  LogError,
  type PolledBatch,
  type PolledRecord,
  type PollLimits,
} from '../event-log.ts'
import type { Membership } from './group.ts'
import { readBlocks, type Segment } from './segment.ts'
import type { Topic } from './topic.ts'

const READ_BYTES = 1024 * 1024

/** Reads the topic's blocks one after the other and keeps the records of its own partitions. */
export class EmbeddedConsumer implements LogConsumer {
  readonly #topic: Topic
  readonly #options: ConsumerOptions
  readonly #membership: Membership
  #generation = -1
  #positions = new Map<number, bigint>()
  #queue: PolledRecord[] = []
  #at: { segment: number; byte: number } | undefined
  #file: { segment: number; handle: FileHandle } | undefined
  #closed = false

  constructor(topic: Topic, options: ConsumerOptions, membership: Membership) {
    this.#topic = topic
    this.#options = options
    this.#membership = membership
  }

  async poll(limits: PollLimits): Promise<PolledBatch> {
    if (this.#closed) throw new LogError('closed', 'this consumer was closed')
    await this.#rebalance()
    await this.#waitFor(1, limits.max_wait_ms, limits)
    // Whatever is there already is taken along, with or without lingering for more.
    if (this.#queue.length > 0) await this.#waitFor(limits.max_records, limits.linger_ms ?? 0, limits)
    if (this.#membership.generation !== this.#generation) return { generation: this.#generation, records: [] }
    return { generation: this.#generation, records: this.#take(limits) }
  }

  positions(): ReadonlyMap<number, bigint> {
    return new Map(this.#positions)
  }

  seek(positions: ReadonlyMap<number, bigint>): void {
    for (const [partition, offset] of positions)
      if (this.#positions.has(partition)) this.#positions.set(partition, offset)
    this.#queue = []
    this.#at = undefined
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#membership.leave()
    await this.#file?.handle.close()
    this.#file = undefined
    this.#topic.wake()
  }

  /** Takes over the partitions of the current generation; all of them start where the reader says. */
  async #rebalance(): Promise<void> {
    while (this.#membership.generation !== this.#generation) {
      const { generation, partitions } = this.#membership.assignment()
      const lost = [...this.#positions.keys()].filter((partition) => !partitions.includes(partition))
      if (lost.length > 0) await this.#options.onRevoked?.(lost)
      const known = this.#topic.offsets().filter(({ partition }) => partitions.includes(partition))
      const from = await this.#options.startFrom(known)
      this.#positions = new Map()
      for (const { partition, earliest, end } of known) {
        const offset = from.get(partition) ?? earliest
        if (offset < earliest || offset > end) {
          throw new LogError(
            'offset_out_of_range',
            `partition ${partition}: expected an offset from ${earliest} to ${end}, got ${offset}; the log was cut or replaced: refill it from the raw zone`,
          )
        }
        this.#positions.set(partition, offset)
      }
      this.#queue = []
      this.#at = undefined
      this.#generation = generation
    }
  }

  async #waitFor(records: number, ms: number, limits: PollLimits): Promise<void> {
    const until = performance.now() + ms
    let bytes = this.#queue.reduce((sum, record) => sum + record.value.length, 0)
    while (
      !this.#closed &&
      this.#membership.generation === this.#generation &&
      this.#queue.length < records &&
      bytes < limits.max_bytes
    ) {
      const seen = this.#topic.changes
      const read = await this.#read()
      bytes += read.bytes
      if (read.any) continue
      const left = until - performance.now()
      if (left <= 0) return
      await this.#topic.changed(seen, left)
    }
  }

  #take({ max_records, max_bytes }: PollLimits): PolledRecord[] {
    let bytes = 0
    let count = 0
    for (const { value } of this.#queue) {
      if (count >= max_records || (count > 0 && bytes + value.length > max_bytes)) break
      bytes += value.length
      count++
    }
    const records = count === this.#queue.length ? this.#queue : this.#queue.slice(0, count)
    this.#queue = count === this.#queue.length ? [] : this.#queue.slice(count)
    for (const { partition, offset } of records) this.#positions.set(partition, offset + 1n)
    return records
  }

  /** Reads the next blocks, if there are any. */
  async #read(): Promise<{ any: boolean; bytes: number }> {
    const place = this.#place()
    if (!place) return { any: false, bytes: 0 }
    const { segment, byte } = place
    if (byte >= segment.end) {
      const next = this.#topic.segments.find(({ number }) => number > segment.number)
      if (!next) return { any: false, bytes: 0 }
      this.#at = { segment: next.number, byte: 0 }
      return { any: true, bytes: 0 }
    }
    const file = await this.#open(segment)
    const read = await readBlocks(file, byte, segment.end, READ_BYTES)
    if (read.bytes === 0)
      throw new LogError(
        'failed',
        `${segment.path}: expected an intact block at byte ${byte}; the file was damaged: remove the log's folder to refill it from the raw zone`,
      )
    this.#at = { segment: segment.number, byte: byte + read.bytes }
    const queued = this.#queue.length
    for (const record of read.records) {
      const from = this.#positions.get(record.partition)
      if (from !== undefined && record.offset >= from) this.#queue.push(record)
    }
    let bytes = 0
    for (let i = queued; i < this.#queue.length; i++) bytes += this.#queue[i]?.value.length ?? 0
    return { any: true, bytes }
  }

  #place(): { segment: Segment; byte: number } | undefined {
    const { segments } = this.#topic
    const at = this.#at
    if (!at) {
      const from =
        segments.findLast((segment) =>
          [...this.#positions].every(([partition, offset]) => (segment.first.get(partition) ?? 0n) <= offset),
        ) ?? segments[0]
      return from && { segment: from, byte: 0 }
    }
    const segment = segments.find(({ number }) => number === at.segment)
    if (segment) return { segment, byte: at.byte }
    const following = segments.find(({ number }) => number > at.segment)
    return following && { segment: following, byte: 0 }
  }

  async #open(segment: Segment): Promise<FileHandle> {
    if (this.#file?.segment === segment.number) return this.#file.handle
    await this.#file?.handle.close()
    this.#file = { segment: segment.number, handle: await open(segment.path, 'r') }
    return this.#file.handle
  }
}

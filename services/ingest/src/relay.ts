import { setTimeout as sleep } from 'node:timers/promises'
import type { LogRecord } from '@sluice/event-log'
import type { RawBatch, RawWriter, RawZone } from '@sluice/raw-zone'
import type { DurableBatch } from './group-commit.ts'
import type { LogPublisher } from './log-publisher.ts'
import { logRecords, logRecordsReadBack } from './log-records.ts'
import type { IngestLogger } from './logger.ts'
import type { Routing } from './routing.ts'

export interface RelayParts {
  rawZone: RawZone
  publisher: LogPublisher
  routing: Routing
  logger: IngestLogger
  limits: { relay_queue_limit_bytes: number; relay_send_limit_bytes: number }
}

/** Batches that are being read back, up to `to`; `next` is the number that comes next. */
interface BatchesBack {
  next: number
  to: number
  batches: AsyncIterator<RawBatch>
}

const PAUSE_AFTER_FAULT_MS = 500

/**
 * Publishes one incarnation's raw batches to the log, in the order of their numbers, and notes in the raw zone how far
 * it has come. Recent batches are kept in memory up to a limit; beyond it only their numbers are known, and they are
 * read back from the raw zone. What is not published when the process ends, the next one adopts.
 */
export class Relay {
  readonly #parts: RelayParts
  readonly #writer: RawWriter
  readonly #kept = new Map<number, DurableBatch>()
  readonly #stop = new AbortController()
  #kept_bytes = 0
  #head = 0
  #published = 0
  #back: BatchesBack | undefined
  #wake: (() => void) | undefined
  #done: Promise<void> | undefined

  constructor(parts: RelayParts, writer: RawWriter) {
    this.#parts = parts
    this.#writer = writer
  }

  get incarnation(): string {
    return this.#writer.incarnation
  }

  /** Number of the newest durable batch. */
  get head(): number {
    return this.#head
  }

  /** Every batch up to this number is on the log. */
  get published(): number {
    return this.#published
  }

  get kept_bytes(): number {
    return this.#kept_bytes
  }

  start(): void {
    this.#done ??= this.#run()
  }

  /** A batch has become durable. Called in the order of the numbers. */
  durable(durable: DurableBatch): void {
    const { number, bytes } = durable.batch
    this.#head = number
    if (this.#kept_bytes + bytes.length <= this.#parts.limits.relay_queue_limit_bytes) {
      this.#kept.set(number, durable)
      this.#kept_bytes += bytes.length
    }
    this.#wake?.()
  }

  /**
   * Waits until all is published, at most this long. `true` if it is, and `confirm` says that the log it went to is the
   * lake's still; then the incarnation is finished.
   */
  async finish(limit_ms: number, confirm: () => Promise<boolean> = async () => true): Promise<boolean> {
    const until = performance.now() + limit_ms
    while (this.#published < this.#head && performance.now() < until) await sleep(5)
    await this.abandon()
    if (this.#published < this.#head || !(await confirm())) return false
    await this.#writer.finish()
    return true
  }

  /** Stops publishing; whoever adopts the incarnation goes on from where it came. */
  async abandon(): Promise<void> {
    this.#stop.abort()
    this.#wake?.()
    await this.#done
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      if (this.#published === this.#head) {
        await new Promise<void>((wake) => {
          this.#wake = wake
        })
        continue
      }
      try {
        const { records, last } = await this.#next()
        if (!(await this.#parts.publisher.publish(records, signal))) return
        this.#publishedTo(last)
        await this.#writer.published(last)
      } catch (error) {
        this.#parts.logger.error(
          { err: error, incarnation: this.incarnation, after: this.#published },
          'relay failed, trying again',
        )
        await sleep(PAUSE_AFTER_FAULT_MS, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  /** The batches after the published ones: as many as one send may take, at least one. */
  async #next(): Promise<{ records: LogRecord[]; last: number }> {
    let records: LogRecord[] = []
    let last = this.#published
    for (let bytes = 0; last < this.#head && bytes < this.#parts.limits.relay_send_limit_bytes; last++) {
      const kept = this.#kept.get(last + 1)
      if (kept) this.#back = undefined
      bytes += kept?.batch.bytes.length ?? 0
      const more = kept ? logRecords(kept.batch.bytes, kept.partitions) : await this.#readBack(last + 1)
      if (!kept) bytes += more.reduce((sum, { value }) => sum + value.length, 0)
      records = records.length === 0 ? more : records.concat(more)
    }
    return { records, last }
  }

  /** Batches are read back in runs: with one request after the other they would come slower than new ones. */
  async #readBack(number: number): Promise<LogRecord[]> {
    const { rawZone, routing } = this.#parts
    const back = this.#back?.next === number ? this.#back : this.#backFrom(number)
    this.#back = undefined
    const read = await back.batches.next()
    if (read.done)
      throw new Error(`${rawZone.location}: reading back ended before batch ${number} of ${this.incarnation}`)
    if (number < back.to) this.#back = { ...back, next: number + 1 }
    return logRecordsReadBack(read.value.bytes, routing)
  }

  #backFrom(number: number): BatchesBack {
    const kept_next = [...this.#kept.keys()].find((kept) => kept > number)
    const to = kept_next === undefined ? this.#head : kept_next - 1
    const batches = this.#parts.rawZone.batches(this.incarnation, { from: number, to })
    return { next: number, to, batches: batches[Symbol.asyncIterator]() }
  }

  #publishedTo(last: number): void {
    for (let number = this.#published + 1; number <= last; number++) {
      const kept = this.#kept.get(number)
      if (kept) {
        this.#kept.delete(number)
        this.#kept_bytes -= kept.batch.bytes.length
      }
    }
    this.#published = last
  }
}

import { rawLine } from '@sluice/events'
import type { RawBatch, RawWriter } from '@sluice/raw-zone'

/** The accepted events of one request, as raw lines without batch and line, each with its log partition. */
export interface RequestLines {
  tails: readonly string[]
  partitions: readonly number[]
  /** About how many bytes the lines take. */
  bytes: number
}

/** A durable raw batch, and where each of its lines goes. */
export interface DurableBatch {
  batch: RawBatch
  partitions: readonly number[]
}

/** Where a request's lines begin. */
export interface DurablePlace {
  batch_id: string
  number: number
  first_line: number
}

interface Waiting {
  lines: RequestLines
  resolve: (place: DurablePlace) => void
  reject: (error: unknown) => void
}

export interface GroupLimits {
  group_limit_bytes: number
  group_limit_events: number
  groups_in_flight: number
  gather_ms: number
}

/**
 * Requests that wait at the same time share one raw batch, and its one write. A request that is alone is never delayed:
 * while a batch is being written the next one gathers, and where several may be on their way at once (a raw zone whose
 * writes are slow, not busy), the next one leaves when it has gathered for `gather_ms`. A request is never split over
 * two batches.
 */
export class GroupCommit {
  readonly #writer: () => Promise<RawWriter>
  readonly #limits: GroupLimits
  readonly #onDurable: (durable: DurableBatch, seconds: number) => void
  readonly #onFailed: (error: unknown, writer: RawWriter | undefined) => void
  #waiting: Waiting[] = []
  #in_flight = 0
  #last_left_ms = Number.NEGATIVE_INFINITY
  /** Set while a look at what waits is to come. */
  #coming: { cancel: () => void } | undefined
  #whenIdle: (() => void)[] = []

  /**
   * @param onDurable called once a batch, in the order of their numbers, before any request learns of it
   * @param onFailed called once a batch that could not be made durable, with the writer that refused it
   */
  constructor(
    writer: () => Promise<RawWriter>,
    limits: GroupLimits,
    onDurable: (durable: DurableBatch, seconds: number) => void,
    onFailed: (error: unknown, writer: RawWriter | undefined) => void,
  ) {
    this.#writer = writer
    this.#limits = limits
    this.#onDurable = onDurable
    this.#onFailed = onFailed
  }

  /** Resolves when the lines are durable; rejects with a `RawZoneError` when they are not. */
  commit(lines: RequestLines): Promise<DurablePlace> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ lines, resolve, reject })
      if (this.#coming) return
      // Requests that arrived in the same turn of the event loop come along.
      const turn = setImmediate(() => this.#send())
      this.#coming = { cancel: () => clearImmediate(turn) }
    })
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    if (this.#waiting.length > 0 || this.#in_flight > 0)
      await new Promise<void>((idle) => {
        this.#whenIdle.push(idle)
      })
  }

  /** Sends the groups that may leave now. */
  #send(): void {
    this.#coming?.cancel()
    this.#coming = undefined
    const { groups_in_flight, gather_ms } = this.#limits
    while (this.#waiting.length > 0 && this.#in_flight < groups_in_flight) {
      const gathers_ms = this.#in_flight === 0 ? 0 : this.#last_left_ms + gather_ms - performance.now()
      if (gathers_ms > 0) {
        const timer = setTimeout(() => this.#send(), gathers_ms)
        this.#coming = { cancel: () => clearTimeout(timer) }
        return
      }
      this.#last_left_ms = performance.now()
      this.#in_flight++
      void this.#append(this.#nextGroup()).then(() => {
        this.#in_flight--
        this.#send()
      })
    }
    if (this.#waiting.length === 0 && this.#in_flight === 0) for (const idle of this.#whenIdle.splice(0)) idle()
  }

  #nextGroup(): Waiting[] {
    let bytes = 0
    let events = 0
    let count = 0
    for (const { lines } of this.#waiting) {
      bytes += lines.bytes
      events += lines.tails.length
      if (count > 0 && (bytes > this.#limits.group_limit_bytes || events > this.#limits.group_limit_events)) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #append(group: Waiting[]): Promise<void> {
    const started = performance.now()
    let batch: RawBatch
    let writer: RawWriter | undefined
    try {
      writer = await this.#writer()
      batch = await writer.append((batch_id) => encode(batch_id, group))
    } catch (error) {
      this.#onFailed(error, writer)
      for (const { reject } of group) reject(error)
      return
    }
    this.#onDurable({ batch, partitions: partitionsOf(group) }, (performance.now() - started) / 1000)
    let first_line = 0
    for (const { lines, resolve } of group) {
      resolve({ batch_id: batch.batch_id, number: batch.number, first_line })
      first_line += lines.tails.length
    }
  }
}

function encode(batch_id: string, group: readonly Waiting[]): { bytes: Uint8Array; lines: number } {
  let text = ''
  let line = 0
  for (const { lines } of group) for (const tail of lines.tails) text += rawLine(batch_id, line++, tail)
  return { bytes: Buffer.from(text, 'utf8'), lines: line }
}

function partitionsOf(group: readonly Waiting[]): readonly number[] {
  const [only] = group
  if (only && group.length === 1) return only.lines.partitions
  return group.flatMap(({ lines }) => lines.partitions)
}

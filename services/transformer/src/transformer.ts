import type { LogConsumer, Notices, PolledRecord } from '@sluice/event-log'
import type { Covered, KnownIds, Ledger, LoadedBatch } from '@sluice/lake'
import { isOutOfMemory, type Settled, settle } from '@sluice/lake'
import { type BatchLimits, BatchSize } from './batch-size.ts'
import { Pace, type PaceLimits } from './pace.ts'
import type { TablePump } from './table-pump.ts'

/** How records become a typed batch: DuckDB, or plain objects in the simulation. */
export interface BatchLoader {
  load(records: readonly PolledRecord[], covered: ReadonlyMap<number, Covered>): Promise<LoadedBatch>
}

export interface TransformerParts {
  ledger: Ledger
  known: KnownIds
  loader: BatchLoader
  pump: TablePump
  notices: Notices
  /** Digest of the event types. */
  types: string
  limits: PaceLimits & BatchLimits
  now: () => number
  /** Told of every batch, for metrics and logs. */
  settled?: (outcome: Settled, batch: { records: number; took_ms: number }) => void
}

/** What is known of polled records. They themselves are the loader's: two batches of them would be much memory. */
interface ReadBatch {
  records: number
  /** Of their values. */
  bytes: number
  covered: ReadonlyMap<number, Covered>
  /** Some were of partitions without a cursor. */
  unplaced: boolean
  /** So many that there are probably more, and the memory for them. */
  backlog: boolean
  /** Typing has begun; it must be closed. */
  loading: Promise<{ batch: LoadedBatch; took_ms: number }> | undefined
}

/**
 * Turns the log into decisions: polls micro-batches over all owned partitions, has them typed, settles each by one
 * ledger commit, and lets the tables follow. Any number of them may run; the ledger keeps them exact.
 *
 * A worker's cursor of a partition is the offset that the ledger must still have when the batch is committed. After a
 * batch that did not become the decision, for whatever reason, the cursors are read from the ledger anew.
 *
 * In a backlog the next batch is read and typed while one is settled. It takes for granted that this one becomes the
 * decision; if it does not, the ledger's fence would refuse what was read ahead, and it is dropped.
 */
export class Transformer {
  readonly #parts: TransformerParts
  readonly #pace: Pace
  readonly #size: BatchSize
  #cursors = new Map<number, bigint>()
  /** The consumer may stand elsewhere than the ledger: a record that is polled now may come after one that is not decided. */
  #astray = false
  #ahead: Promise<ReadBatch> | undefined
  #looked_ms = Number.NEGATIVE_INFINITY

  constructor(parts: TransformerParts) {
    this.#parts = parts
    this.#pace = new Pace(parts.limits, parts.now)
    this.#size = new BatchSize(parts.limits)
  }

  /** The offsets to start assigned partitions from: the ledger's. For `ConsumerOptions.startFrom`. */
  async startFrom(partitions: readonly { partition: number }[]): Promise<Map<number, bigint>> {
    const { ledger } = this.#parts
    await ledger.refresh()
    this.#cursors = new Map(partitions.map(({ partition }) => [partition, ledger.nextOffset(partition)]))
    return new Map(this.#cursors)
  }

  /**
   * One turn: polls, settles, and hands the tables over to the pump.
   * @returns how many records the batch had; 0 if the log had nothing new
   */
  async turn(consumer: LogConsumer): Promise<number> {
    if (this.#astray) await this.#rewind(consumer)
    // Until this turn is done; if it throws, the next one begins with going back.
    this.#astray = true
    const reading = this.#ahead ?? this.#read(consumer)
    this.#ahead = undefined
    const { records, bytes, unplaced, backlog, loading } = await reading
    if (!loading) {
      this.#astray = unplaced
      await this.#whileIdle()
      return 0
    }
    if (backlog) this.#readAhead(consumer)
    const { outcome, took_ms } = await this.#settle(loading).catch((error: unknown) => {
      if (isOutOfMemory(error)) this.#size.tooLarge({ records, bytes })
      throw error
    })
    this.#size.fitted()
    this.#pace.settled(took_ms)
    this.#parts.settled?.(outcome, { records, took_ms })
    if (outcome.kind === 'committed') {
      this.#astray = unplaced
      await this.#parts.pump.follow(outcome.version, outcome.written.awaited)
    }
    return records
  }

  /** Gives up what was read ahead, for the next turn to begin at the ledger's offsets. Call it before closing a consumer. */
  async drop(): Promise<void> {
    const ahead = this.#ahead
    this.#ahead = undefined
    if (!ahead) return
    this.#astray = true
    // Whatever failed there fails again when it is read again.
    const loading = await ahead.then((read) => read.loading).catch(() => undefined)
    await loading?.batch.close()
  }

  async #read(consumer: LogConsumer): Promise<ReadBatch> {
    const limits = this.#size.limits()
    const polled = await consumer.poll({ ...this.#pace.next(), ...limits })
    const { records, covered, unplaced } = this.#coveredBy(polled.records)
    this.#pace.polled(records.length)
    const bytes = records.reduce((sum, { value }) => sum + value.length, 0)
    const large = records.length > limits.max_records / 2 || bytes > limits.max_bytes / 2
    for (const [partition, { next }] of covered) this.#cursors.set(partition, next)
    return {
      records: records.length,
      bytes,
      covered,
      unplaced,
      // Two that fit alone may not fit beside each other.
      backlog: large && !unplaced && this.#size.whole,
      loading: records.length > 0 ? this.#load(records, covered) : undefined,
    }
  }

  #readAhead(consumer: LogConsumer): void {
    this.#ahead = this.#read(consumer)
    // What fails is told by the turn that awaits it.
    this.#ahead.then(({ loading }) => loading).catch(() => undefined)
  }

  async #load(records: readonly PolledRecord[], covered: ReadonlyMap<number, Covered>) {
    const began = this.#parts.now()
    const batch = await this.#parts.loader.load(records, covered)
    return { batch, took_ms: this.#parts.now() - began }
  }

  /** Learns of decisions made by others, and applies plans that their workers, or an earlier failure, left behind. */
  async #whileIdle(): Promise<void> {
    const { ledger, known, pump, now, limits } = this.#parts
    if (now() - this.#looked_ms < limits.look_every_ms) return
    this.#looked_ms = now()
    await ledger.refresh()
    await known.follow(ledger)
    if (pump.stuck) await pump.catchUp()
  }

  async #settle(loading: NonNullable<ReadBatch['loading']>): Promise<{ outcome: Settled; took_ms: number }> {
    const { batch, took_ms } = await loading
    const { ledger, known, types, now } = this.#parts
    const began = now()
    try {
      const outcome = await settle(ledger, known, batch, types)
      return { outcome, took_ms: took_ms + now() - began }
    } finally {
      await batch.close()
    }
  }

  /**
   * Leaves out records before the cursor, and those of partitions without one: taken away meanwhile, or assigned in a way
   * that was not noticed (`unplaced`: then going back finds their place).
   */
  #coveredBy(polled: readonly PolledRecord[]) {
    const covered = new Map<number, Covered>()
    const records = polled.filter((record) => {
      const from = this.#cursors.get(record.partition)
      return from !== undefined && record.offset >= from
    })
    const unplaced = polled.some(({ partition }) => !this.#cursors.has(partition))
    for (const { partition, offset } of records) {
      const from = covered.get(partition)?.from ?? this.#cursors.get(partition) ?? offset
      covered.set(partition, { from, next: offset + 1n })
    }
    return { records, covered, unplaced }
  }

  /** Goes back to where the ledger is, in the partitions that the consumer has now. */
  async #rewind(consumer: LogConsumer): Promise<void> {
    await this.drop()
    const { ledger } = this.#parts
    await ledger.refresh()
    this.#cursors = new Map(
      [...consumer.positions().keys()].map((partition) => [partition, ledger.nextOffset(partition)]),
    )
    consumer.seek(new Map(this.#cursors))
    this.#astray = false
  }
}

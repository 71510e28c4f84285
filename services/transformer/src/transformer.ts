import type { LogConsumer, Notices, PolledRecord } from '@sluice/event-log'
import type { Covered, KnownIds, Ledger, LoadedBatch } from '@sluice/lake'
import { type Settled, settle } from '@sluice/lake'
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
  limits: PaceLimits
  now: () => number
  /** Told of every batch, for metrics and logs. */
  settled?: (outcome: Settled, batch: { records: number; took_ms: number }) => void
}

/**
 * Turns the log into decisions: polls micro-batches over all owned partitions, has them typed, settles each by one
 * ledger commit, and lets the tables follow. Any number of them may run; the ledger keeps them exact.
 *
 * A worker's cursor of a partition is the offset that the ledger must still have when the batch is committed. After a
 * batch that did not become the decision, for whatever reason, the cursors are read from the ledger anew.
 */
export class Transformer {
  readonly #parts: TransformerParts
  readonly #pace: Pace
  #cursors = new Map<number, bigint>()
  #generation = -1

  constructor(parts: TransformerParts) {
    this.#parts = parts
    this.#pace = new Pace(parts.limits, parts.now)
  }

  /** The offsets to start assigned partitions from: the ledger's. For `ConsumerOptions.startFrom`. */
  async startFrom(partitions: readonly { partition: number }[]): Promise<Map<number, bigint>> {
    const { ledger, known } = this.#parts
    await known.advance(await ledger.refresh(), ledger.files)
    this.#cursors = new Map(partitions.map(({ partition }) => [partition, ledger.nextOffset(partition)]))
    return new Map(this.#cursors)
  }

  /**
   * One turn: polls, settles, and hands the tables over to the pump.
   * @returns how many records the batch had; 0 if the log had nothing new
   */
  async turn(consumer: LogConsumer): Promise<number> {
    const polled = await consumer.poll(this.#pace.next())
    if (polled.generation !== this.#generation) this.#generation = polled.generation
    const { records, covered } = this.#coveredBy(polled.records)
    this.#pace.polled(records.length)
    if (records.length === 0) return 0
    const began = this.#parts.now()
    try {
      const outcome = await this.#settle(records, covered)
      const took_ms = this.#parts.now() - began
      this.#pace.settled(took_ms)
      this.#parts.settled?.(outcome, { records: records.length, took_ms })
      if (outcome.kind === 'committed') {
        for (const [partition, { next }] of covered)
          if (this.#cursors.has(partition)) this.#cursors.set(partition, next)
        await this.#parts.pump.follow(outcome.version, outcome.written.awaited)
      } else await this.#rewind(consumer)
      return records.length
    } catch (error) {
      await this.#rewind(consumer)
      throw error
    }
  }

  async #settle(records: readonly PolledRecord[], covered: ReadonlyMap<number, Covered>): Promise<Settled> {
    const batch = await this.#parts.loader.load(records, covered)
    try {
      return await settle(this.#parts.ledger, this.#parts.known, batch, this.#parts.types)
    } finally {
      await batch.close()
    }
  }

  /** Leaves out records of partitions that were taken away, and those before the cursor. */
  #coveredBy(polled: readonly PolledRecord[]): { records: PolledRecord[]; covered: Map<number, Covered> } {
    const covered = new Map<number, Covered>()
    const records = polled.filter((record) => {
      const from = this.#cursors.get(record.partition)
      return from !== undefined && record.offset >= from
    })
    for (const { partition, offset } of records) {
      const from = covered.get(partition)?.from ?? this.#cursors.get(partition) ?? offset
      covered.set(partition, { from, next: offset + 1n })
    }
    return { records, covered }
  }

  async #rewind(consumer: LogConsumer): Promise<void> {
    const positions = await this.startFrom([...this.#cursors.keys()].map((partition) => ({ partition })))
    consumer.seek(positions)
  }
}

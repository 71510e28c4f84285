import type { Arrival, Verdict } from './decide.ts'
import type { BatchCounts, PlanEntry, PlannedFile } from './plan.ts'

/** Log positions that a batch covers of one partition: from the ledger's next offset to one past its last record. */
export interface Covered {
  from: bigint
  next: bigint
  /** Of the last record (`markOf`), where the engine knows it. */
  mark?: number
}

/**
 * A micro-batch after typing, before its decision. Its work is an engine's (DuckDB, or plain objects in the simulation);
 * what is decided is not.
 */
export interface LoadedBatch {
  readonly covered: ReadonlyMap<number, Covered>
  /** Id hashes of all lines, in order of `seq`. */
  readonly idHashes: BigInt64Array
  /** The lines at these places, and every other line that shares an id with one of them or with another line. */
  arrivals(seqs: readonly number[]): Promise<(Arrival & { hash: bigint })[]>
  /** Writes the files that the decision needs; lines without a verdict are `first`. */
  write(verdicts: ReadonlyMap<number, Verdict>): Promise<WrittenBatch>
  /** Frees what typing left behind; files that no commit refers to stay for vacuum. */
  close(): Promise<void>
}

/** The files of one decision, ready to be committed. */
export interface WrittenBatch {
  /** Receipts; absent if every line was a redelivery. */
  ledger: PlannedFile | undefined
  /** Id hashes of the receipts written. */
  idHashes: BigInt64Array
  /** By target, without `previous`, which the commit fills in. */
  entries: Record<string, WithoutPrevious<PlanEntry>>
  counts: BatchCounts
  /** Outcomes of the lines that somebody waits for. */
  awaited: AwaitedOutcome[]
}

export interface AwaitedOutcome {
  event_id: string
  status: 'stored' | 'quarantined' | 'repeat'
  table: string | null
  reason: string | null
}

type WithoutPrevious<T> = T extends unknown ? Omit<T, 'previous'> : never

import { z } from 'zod'

/**
 * What one ledger commit decided for the tables. It stands in the commit's `commitInfo` under `sluice`, so that whoever
 * finds it can apply it as written. For each entry, `previous` is the ledger version of the plan's last earlier
 * entry for the same target: unapplied plans are found by walking back from the newest, never by reading the whole log.
 */
export interface Plan {
  /** By target: a table's name, or `quarantine#closed`. */
  entries: Record<string, PlanEntry>
}

/** A Parquet file written before the commit, as Delta's `add` action needs it; `path` is relative to the table's root. */
export interface PlannedFile {
  path: string
  size: number
  rows: number
  /** Delta statistics, as JSON. */
  stats: string
}

export type PlanEntry = { previous: number | null } & (
  | { kind: 'append'; files: PlannedFile[] }
  /** Rows of a keyed table, staged beside it: the newest of each key wins. */
  | { kind: 'merge'; files: PlannedFile[] }
  /** Open quarantine entries of these ids are closed by a later valid event. */
  | { kind: 'close'; ids: { event_id: string; by: string }[] }
)

/** Target of the entries that close quarantine entries. */
export const CLOSED_TARGET = 'quarantine#closed'

/** The `sluice` member of a ledger commit's `commitInfo`. */
export interface LedgerNote {
  /** Digest of the set of event types that typed the batch. */
  types: string
  plan: Plan
  /** By target: ledger version of its newest plan entry, this commit's included. */
  heads: Record<string, number>
  counts: BatchCounts
}

export interface BatchCounts {
  stored: number
  quarantined: number
  repeats: number
  redelivered: number
}

const plannedFile = z.object({ path: z.string(), size: z.number(), rows: z.number(), stats: z.string() })
const previous = z.number().int().nullable()
const entry = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('append'), previous, files: z.array(plannedFile) }),
  z.object({ kind: z.literal('merge'), previous, files: z.array(plannedFile) }),
  z.object({ kind: z.literal('close'), previous, ids: z.array(z.object({ event_id: z.string(), by: z.string() })) }),
])
const note = z.object({
  types: z.string(),
  plan: z.object({ entries: z.record(z.string(), entry) }),
  heads: z.record(z.string(), z.number().int()),
  counts: z.object({ stored: z.number(), quarantined: z.number(), repeats: z.number(), redelivered: z.number() }),
})

/** @returns the note of a ledger commit; `undefined` for commits that decide nothing (creation, compaction, other engines' work) */
export function ledgerNoteOf(commitInfo: Readonly<Record<string, unknown>> | undefined): LedgerNote | undefined {
  const sluice = commitInfo?.['sluice']
  if (typeof sluice !== 'object' || sluice === null || !('plan' in sluice)) return undefined
  return note.parse(sluice)
}

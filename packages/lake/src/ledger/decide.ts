import type { Outcome } from './schema.ts'

/** One line of a batch whose event_id may be known already. */
export interface Arrival {
  /** Its place in the batch; arrivals are decided in this order. */
  seq: number
  event_id: string
  raw_batch: string
  raw_line: number
  content_hash: bigint
  /** Whether it could be typed. */
  valid: boolean
}

/** One row of the ledger, as far as decisions need it. */
export interface Receipt {
  event_id: string
  raw_batch: string
  raw_line: number
  outcome: Outcome
  content_hash: bigint
}

/**
 * - `first`: stored if valid, else quarantined for its own reason; `closes` if earlier entries of this id are open in the quarantine.
 * - `repeat`: another position with an id and content that the ledger has; counted, not stored.
 * - `conflict`: an id that is stored with other content; quarantined as `id_conflict`.
 * - `redelivered`: this very receipt is in the ledger; dropped and not counted.
 */
export type Verdict =
  | { kind: 'first'; closes: boolean }
  | { kind: 'repeat' }
  | { kind: 'conflict' }
  | { kind: 'redelivered' }

interface KnownId {
  positions: Set<string>
  stored: bigint | undefined
  quarantined: Set<bigint>
}

/**
 * Decides the arrivals, in order, against the receipts that the ledger has for their ids and against each other.
 * Lines that are not among the arrivals must have ids that are neither in the ledger nor twice in the batch: they are `first`.
 */
export function decide(arrivals: readonly Arrival[], receipts: readonly Receipt[]): Map<number, Verdict> {
  const known = new Map<string, KnownId>()
  for (const receipt of receipts) remember(entryOf(known, receipt.event_id), receipt, receipt.outcome)
  const verdicts = new Map<number, Verdict>()
  for (const arrival of [...arrivals].sort((a, b) => a.seq - b.seq)) {
    const entry = entryOf(known, arrival.event_id)
    const verdict = verdictOf(arrival, entry)
    verdicts.set(arrival.seq, verdict)
    const outcome = outcomeOf(verdict, arrival.valid)
    if (outcome !== undefined) remember(entry, arrival, outcome)
  }
  return verdicts
}

/** The ledger's outcome for a verdict; `undefined` where no row is written. */
export function outcomeOf(verdict: Verdict, valid: boolean): Outcome | undefined {
  if (verdict.kind === 'redelivered') return undefined
  if (verdict.kind === 'repeat') return 'repeat'
  if (verdict.kind === 'conflict') return 'quarantined'
  return valid ? 'stored' : 'quarantined'
}

function verdictOf(arrival: Arrival, known: KnownId): Verdict {
  if (known.positions.has(positionOf(arrival))) return { kind: 'redelivered' }
  if (known.stored === arrival.content_hash || known.quarantined.has(arrival.content_hash)) return { kind: 'repeat' }
  if (known.stored !== undefined) return { kind: 'conflict' }
  return { kind: 'first', closes: arrival.valid && known.quarantined.size > 0 }
}

function entryOf(known: Map<string, KnownId>, event_id: string): KnownId {
  const existing = known.get(event_id)
  if (existing) return existing
  const entry: KnownId = { positions: new Set(), stored: undefined, quarantined: new Set() }
  known.set(event_id, entry)
  return entry
}

function remember(entry: KnownId, receipt: Omit<Receipt, 'outcome' | 'event_id'>, outcome: Outcome): void {
  entry.positions.add(positionOf(receipt))
  if (outcome === 'stored') entry.stored = receipt.content_hash
  if (outcome === 'quarantined') entry.quarantined.add(receipt.content_hash)
}

const positionOf = (receipt: { raw_batch: string; raw_line: number }) => `${receipt.raw_batch}/${receipt.raw_line}`

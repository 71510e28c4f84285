import type { LoadedBatch, WrittenBatch } from './batch.ts'
import { decide, type Verdict } from './decide.ts'
import type { KnownIds } from './known-ids.ts'
import type { Fenced, Ledger } from './ledger.ts'

/** How often a batch may lose the race for a version before it is given up; nothing is lost by that, it is read again. */
const MAX_RACES = 50

export type Settled =
  | { kind: 'committed'; version: number; written: WrittenBatch }
  | Fenced
  | { kind: 'outraced'; races: number }

/**
 * Makes one decision for a batch: which lines are first, repeats, conflicts or redelivered, and the one ledger commit
 * that says so. After a lost race the batch's ids are checked against the winner's, because a repeat may sit in another
 * partition; a batch whose partitions were moved by another worker is dead and is never rebased.
 */
export async function settle(ledger: Ledger, known: KnownIds, batch: LoadedBatch, types: string): Promise<Settled> {
  await ledger.refresh()
  let verdicts: Map<number, Verdict> | undefined
  let written: WrittenBatch | undefined
  for (let race = 0; race < MAX_RACES; race++) {
    const judged_at = await known.follow(ledger)
    const newer = await judge(known, batch)
    if (!written || !verdicts || !sameVerdicts(verdicts, newer)) written = await batch.write(newer)
    verdicts = newer
    const outcome = await ledger.commit(batch.covered, written, types, judged_at)
    if (outcome.kind === 'committed') {
      known.remember(written.idHashes, ledger)
      return { kind: 'committed', version: outcome.version, written }
    }
    if (outcome.kind === 'fenced') return outcome
  }
  return { kind: 'outraced', races: MAX_RACES }
}

async function judge(known: KnownIds, batch: LoadedBatch): Promise<Map<number, Verdict>> {
  const arrivals = await batch.arrivals(known.candidates(batch.idHashes))
  if (arrivals.length === 0) return new Map()
  const ids = new Map(arrivals.map((arrival) => [arrival.event_id, { event_id: arrival.event_id, hash: arrival.hash }]))
  return decide(arrivals, await known.receipts([...ids.values()]))
}

function sameVerdicts(a: ReadonlyMap<number, Verdict>, b: ReadonlyMap<number, Verdict>): boolean {
  // A line without a verdict is a plain first: verdicts that say no more than that are left out of the comparison.
  const telling = (verdicts: ReadonlyMap<number, Verdict>) =>
    [...verdicts].filter(([, verdict]) => verdict.kind !== 'first' || verdict.closes)
  const [before, now] = [telling(a), new Map(telling(b))]
  return before.length === now.size && before.every(([seq, { kind }]) => now.get(seq)?.kind === kind)
}

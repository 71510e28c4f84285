import {
  type Arrival,
  CLOSED_TARGET,
  type Covered,
  LEDGER_TABLE,
  type LoadedBatch,
  outcomeOf,
  QUARANTINE_TABLE,
  type Verdict,
  type WrittenBatch,
} from '@sluice/lake/ledger/index'
import { hashOf, type PlainFiles, type PlainRow } from './plain-rows.ts'
import { positionOf } from './sim-event.ts'
import type { SimRecord } from './sim-log.ts'

export const PLAIN_TABLE = 'plain'
export const KEYED_TABLE = 'keyed'

/** A batch of plain objects: decisions come from the real code, only typing and writing are simulated. */
export function plainBatch(
  files: PlainFiles,
  records: readonly SimRecord[],
  covered: ReadonlyMap<number, Covered>,
): LoadedBatch {
  const all = records.map(({ event }, seq): Arrival & { hash: bigint } => ({
    seq,
    hash: hashOf(event.event_id),
    content_hash: BigInt(event.content),
    event_id: event.event_id,
    raw_batch: event.raw_batch,
    raw_line: event.raw_line,
    valid: event.valid,
  }))
  const count = new Map<bigint, number>()
  for (const { hash } of all) count.set(hash, (count.get(hash) ?? 0) + 1)
  return {
    covered,
    idHashes: BigInt64Array.from(all, ({ hash }) => hash),
    async arrivals(seqs) {
      const hashes = new Set(seqs.map((seq) => all[seq]!.hash))
      return all.filter(({ hash }) => hashes.has(hash) || (count.get(hash) ?? 0) > 1)
    },
    write: (verdicts) => write(files, records, verdicts),
    close: async () => undefined,
  }
}

async function write(
  files: PlainFiles,
  records: readonly SimRecord[],
  verdicts: ReadonlyMap<number, Verdict>,
): Promise<WrittenBatch> {
  const decided = records.map((record, seq) => {
    const verdict: Verdict = verdicts.get(seq) ?? { kind: 'first', closes: false }
    return { verdict, row: rowOf(record, seq, verdict) }
  })
  const rows = decided.flatMap(({ row }) => row ?? [])
  const of = (outcome: PlainRow['outcome']) => rows.filter((row) => row.outcome === outcome)
  const stored = of('stored')
  const plain = stored.filter(({ key }) => key === undefined)
  const keyed = stored.filter(({ key }) => key !== undefined)
  const quarantined = of('quarantined')
  const ids = decided.flatMap(({ verdict, row }) =>
    row && verdict.kind === 'first' && verdict.closes ? [{ event_id: row.event_id, by: positionOf(row) }] : [],
  )
  const entries: WrittenBatch['entries'] = {}
  if (plain.length > 0) entries[PLAIN_TABLE] = { kind: 'append', files: [await files.write(PLAIN_TABLE, plain)] }
  if (keyed.length > 0) entries[KEYED_TABLE] = { kind: 'merge', files: [await files.write(KEYED_TABLE, keyed)] }
  if (quarantined.length > 0)
    entries[QUARANTINE_TABLE] = { kind: 'append', files: [await files.write(QUARANTINE_TABLE, quarantined)] }
  if (ids.length > 0) entries[CLOSED_TARGET] = { kind: 'close', ids }
  return {
    ledger: rows.length > 0 ? await files.write(LEDGER_TABLE, rows) : undefined,
    idHashes: BigInt64Array.from(rows, (row) => hashOf(row.event_id)),
    entries,
    counts: {
      stored: stored.length,
      quarantined: quarantined.length,
      repeats: of('repeat').length,
      redelivered: records.length - rows.length,
    },
    awaited: rows.map((row) => ({
      event_id: row.event_id,
      status: row.outcome,
      table: row.outcome === 'stored' ? (row.key === undefined ? PLAIN_TABLE : KEYED_TABLE) : null,
      reason: row.reason,
    })),
  }
}

function rowOf({ event, partition, offset }: SimRecord, seq: number, verdict: Verdict): PlainRow | undefined {
  const outcome = outcomeOf(verdict, event.valid)
  if (outcome === undefined) return undefined
  const reason = outcome !== 'quarantined' ? null : verdict.kind === 'conflict' ? 'id_conflict' : 'schema_violation'
  return { ...event, outcome, reason, partition, offset, seq }
}

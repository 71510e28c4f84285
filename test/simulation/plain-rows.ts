import type { AddFile, DeltaStore } from '@sluice/delta'
import {
  type Arrival,
  type Covered,
  type IdWithHash,
  type LedgerRows,
  type LoadedBatch,
  outcomeOf,
  type PlannedFile,
  type Receipt,
  type Verdict,
  type WrittenBatch,
} from '@sluice/lake/ledger/index'

/** An event of the simulation: `content` stands for all its fields, `key` makes it one of the keyed table. */
export interface SimEvent {
  event_id: string
  content: number
  valid: boolean
  key?: string
  raw_batch: string
  raw_line: number
}

export interface SimRecord {
  partition: number
  offset: bigint
  event: SimEvent
}

/** One row of a simulated ledger file. */
export interface LedgerRow extends SimEvent {
  outcome: Receipt['outcome']
  reason: string | null
  partition: number
  offset: number
}

export const PLAIN_TABLE = 'plain'
export const KEYED_TABLE = 'keyed'

/** A stable 64-bit hash that collides now and then, as a filter does. */
export function hashOf(event_id: string): bigint {
  let h = 7
  for (const character of event_id) h = (Math.imul(h, 31) + character.charCodeAt(0)) | 0
  return BigInt(h % 97)
}

let serial = 0

/** Files of plain JSON in place of Parquet. */
export async function writeRows(store: DeltaStore, table: string, rows: readonly unknown[]): Promise<PlannedFile> {
  const path = `part-${serial++}.json`
  const bytes = Buffer.from(JSON.stringify(rows))
  await store.put(`lake/${table}/${path}`, bytes)
  return { path, size: bytes.length, rows: rows.length, stats: JSON.stringify({ numRecords: rows.length }) }
}

export async function readRows<T>(store: DeltaStore, table: string, files: readonly { path: string }[]): Promise<T[]> {
  const rows: T[] = []
  for (const { path } of files) {
    const bytes = await store.get(`lake/${table}/${path}`)
    if (!bytes) throw new Error(`${table}: file ${path} is gone`)
    rows.push(...JSON.parse(Buffer.from(bytes).toString('utf8')))
  }
  return rows
}

export function plainLedgerRows(store: DeltaStore): LedgerRows {
  return {
    async *idHashes(files) {
      const rows = await readRows<LedgerRow>(store, '_ledger', files)
      yield BigInt64Array.from(rows, (row) => hashOf(row.event_id))
    },
    async receipts(files: readonly AddFile[], ids: readonly IdWithHash[]) {
      const wanted = new Set(ids.map(({ event_id }) => event_id))
      const rows = await readRows<LedgerRow>(store, '_ledger', files)
      return rows
        .filter((row) => wanted.has(row.event_id))
        .map((row) => ({ ...row, content_hash: BigInt(row.content) }))
    },
  }
}

/** A batch of plain objects; decisions come from the real code, only their writing is simulated. */
export function plainBatch(
  store: DeltaStore,
  records: readonly SimRecord[],
  covered: ReadonlyMap<number, Covered>,
): LoadedBatch {
  const arrivalOf = (seq: number): Arrival & { hash: bigint } => {
    const { event } = records[seq]!
    return {
      seq,
      hash: hashOf(event.event_id),
      content_hash: BigInt(event.content),
      event_id: event.event_id,
      raw_batch: event.raw_batch,
      raw_line: event.raw_line,
      valid: event.valid,
    }
  }
  const all = records.map((_, seq) => arrivalOf(seq))
  return {
    covered,
    idHashes: BigInt64Array.from(all, ({ hash }) => hash),
    async arrivals(seqs) {
      const hashes = new Set(seqs.map((seq) => all[seq]!.hash))
      const count = new Map<bigint, number>()
      for (const { hash } of all) count.set(hash, (count.get(hash) ?? 0) + 1)
      return all.filter(({ hash }) => hashes.has(hash) || (count.get(hash) ?? 0) > 1)
    },
    write: (verdicts) => writePlain(store, records, verdicts),
    close: async () => undefined,
  }
}

async function writePlain(
  store: DeltaStore,
  records: readonly SimRecord[],
  verdicts: ReadonlyMap<number, Verdict>,
): Promise<WrittenBatch> {
  const rows: LedgerRow[] = []
  const closes: { event_id: string; by: string }[] = []
  let redelivered = 0
  for (const [seq, { event, partition, offset }] of records.entries()) {
    const verdict = verdicts.get(seq) ?? { kind: 'first', closes: false }
    const outcome = outcomeOf(verdict, event.valid)
    if (outcome === undefined) redelivered++
    else
      rows.push({
        ...event,
        outcome,
        reason: verdict.kind === 'conflict' ? 'id_conflict' : event.valid ? null : 'bad',
        partition,
        offset: Number(offset),
      })
    if (verdict.kind === 'first' && verdict.closes)
      closes.push({ event_id: event.event_id, by: `${event.raw_batch}/${event.raw_line}` })
  }
  const entries: WrittenBatch['entries'] = {}
  const stored = rows.filter((row) => row.outcome === 'stored')
  const plain = stored.filter((row) => row.key === undefined)
  const keyed = stored.filter((row) => row.key !== undefined)
  const quarantined = rows.filter((row) => row.outcome === 'quarantined')
  if (plain.length > 0) entries[PLAIN_TABLE] = { kind: 'append', files: [await writeRows(store, PLAIN_TABLE, plain)] }
  if (keyed.length > 0) entries[KEYED_TABLE] = { kind: 'merge', files: [await writeRows(store, KEYED_TABLE, keyed)] }
  if (quarantined.length > 0)
    entries['quarantine'] = { kind: 'append', files: [await writeRows(store, 'quarantine', quarantined)] }
  if (closes.length > 0) entries['quarantine#closed'] = { kind: 'close', ids: closes }
  return {
    ledger: rows.length > 0 ? await writeRows(store, '_ledger', rows) : undefined,
    idHashes: BigInt64Array.from(rows, (row) => hashOf(row.event_id)),
    entries,
    counts: {
      stored: stored.length,
      quarantined: quarantined.length,
      repeats: rows.length - stored.length - quarantined.length,
      redelivered,
    },
    awaited: [],
  }
}

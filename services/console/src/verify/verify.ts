import type { EventTypes } from '@sluice/events'
import type { ReadParts } from '../console-parts.ts'
import type { TableReading } from '../lake-reader.ts'
import { rawEvents } from '../raw-relations.ts'
import { literal, quoted } from '../sql/quote.ts'
import type { TrustedSql } from '../trusted-sql.ts'
import { counted } from './counted.ts'
import { type Cut, takeCut } from './cut.ts'
import { isExploded, verifyExploded } from './exploded.ts'
import { isOk, NAMED_IDS, type StoreReport, type TableReport, type VerifyReport } from './report.ts'
import { silentStores, unasked, verifyStore } from './stores.ts'

export interface VerifyParts extends ReadParts {
  sql: TrustedSql
  eventTypes: EventTypes
  scratch_path: string
  /** Resolves when all that was acknowledged before the call is in tables and stores, or after a time limit. */
  caughtUp(): Promise<void>
  sleep(ms: number): Promise<void>
}

const CUT_ATTEMPTS = 200
const CUT_PAUSE_MS = 50

/**
 * Reconciles raw, ledger, tables and stores down to event ids, at a cut: everything acknowledged before the call is
 * waited for, then the ledger and the tables are taken at versions that belong together.
 */
export async function verify(parts: VerifyParts): Promise<VerifyReport> {
  const heads = await parts.rawZone.heads()
  await parts.caughtUp()
  const cut = await cutOf(parts)
  const [totals, raw] = [await totalsOf(cut, parts.sql), await rawOf(cut, heads, parts)]
  const silent = await silentStores(parts.stores)
  const tables: TableReport[] = []
  for (const type of parts.eventTypes.byType.values()) {
    const reading = cut.tables.get(type.table)
    if (reading)
      tables.push({
        ...(await tableOf(type.table, type.key, reading, cut, parts.sql)),
        stores: await storesOf(type.table, parts, silent),
      })
  }
  for (const type of parts.eventTypes.byType.values()) {
    if (!isExploded(type)) continue
    const stores = await storesOf(type.explode.table, parts, silent)
    tables.push({ ...(await verifyExploded(type, cut, parts)), stores })
  }
  const report = {
    ledger_version: cut.ledger.version,
    totals,
    raw,
    quarantine: await quarantineOf(cut, parts.sql),
    tables,
  }
  return { ok: isOk(report), ...report }
}

async function cutOf(parts: VerifyParts): Promise<Cut> {
  for (let attempt = 0; attempt < CUT_ATTEMPTS; attempt++) {
    const cut = await takeCut(parts)
    if (cut) return cut
    await parts.sleep(CUT_PAUSE_MS)
  }
  throw new Error('verify: the tables did not catch up with the ledger; see GET /v1/status for which one is behind')
}

const view = (name: string, reading: TableReading) => `CREATE VIEW ${quoted(name)} AS SELECT * FROM ${reading.relation}`

async function totalsOf({ ledger }: Cut, sql: TrustedSql): Promise<VerifyReport['totals']> {
  const { rows } = await sql.query(
    { files: [], setup: [view('ledger', ledger)] },
    `SELECT count(*) AS receipts, count(*) FILTER (outcome = 'stored') AS stored, count(*) FILTER (outcome = 'quarantined') AS quarantined, count(*) FILTER (outcome = 'repeat') AS repeats FROM ledger`,
  )
  const count = (name: string) => Number(rows[0]?.[name] ?? 0)
  return {
    receipts: count('receipts'),
    stored: count('stored'),
    quarantined: count('quarantined'),
    repeats: count('repeats'),
  }
}

/** Every raw line up to the watermarks at the call must have a receipt, and every receipt its raw line. */
async function rawOf(
  { ledger }: Cut,
  heads: readonly { incarnation: string; head: number }[],
  { rawZone, sql }: VerifyParts,
): Promise<VerifyReport['raw']> {
  const raw = await rawEvents(rawZone)
  const marks = heads.map(({ incarnation, head }) => `(${literal(incarnation)}, ${head})`).join(', ')
  if (marks === '') return { lines: 0, missing: 0, lost: 0, ids: { missing: [], lost: [] } }
  const { rows } = await sql.query(
    { files: raw.files, setup: [...raw.setup, view('ledger', ledger)] },
    `WITH marks(incarnation, head) AS (VALUES ${marks}),
      kept AS MATERIALIZED (SELECT raw_batch, raw_line, event_id FROM raw.events),
      lines AS (SELECT raw_batch, raw_line, event_id FROM kept JOIN marks ON incarnation = regexp_replace(raw_batch, '-[0-9]+$', '') AND regexp_extract(raw_batch, '-([0-9]+)$', 1)::BIGINT <= head),
      missing AS (SELECT event_id FROM lines ANTI JOIN ledger USING (raw_batch, raw_line)),
      lost AS (SELECT event_id FROM ledger ANTI JOIN kept USING (raw_batch, raw_line))
      SELECT (SELECT count(*) FROM lines) AS lines, (SELECT count(*) FROM missing) AS missing, (SELECT count(*) FROM lost) AS lost,
        (SELECT list(event_id) FROM (FROM missing LIMIT ${NAMED_IDS})) AS missing_ids, (SELECT list(event_id) FROM (FROM lost LIMIT ${NAMED_IDS})) AS lost_ids`,
  )
  const ids = (name: string) => {
    const named = rows[0]?.[name]
    return Array.isArray(named) ? named.map(String) : []
  }
  return {
    lines: Number(rows[0]?.['lines'] ?? 0),
    missing: Number(rows[0]?.['missing'] ?? 0),
    lost: Number(rows[0]?.['lost'] ?? 0),
    ids: { missing: ids('missing_ids'), lost: ids('lost_ids') },
  }
}

async function tableOf(
  table: string,
  key: string | undefined,
  reading: TableReading,
  { ledger }: Cut,
  sql: TrustedSql,
): Promise<Omit<TableReport, 'stores'>> {
  // A keyed table's rows are the newest stored event of each key, by (order, event_id in bytes: so DuckDB compares texts).
  const wanted =
    key === undefined
      ? 'SELECT event_id FROM mine'
      : 'SELECT event_id FROM mine QUALIFY row_number() OVER (PARTITION BY "key" ORDER BY order_at DESC, event_id DESC) = 1'
  const { rows } = await sql.query(
    { files: [], setup: [view('ledger', ledger), view('lake_table', reading)] },
    `WITH mine AS (SELECT event_id, "key", order_at FROM ledger WHERE outcome = 'stored' AND table_name = $name), wanted AS (${wanted}),
      missing AS (SELECT event_id FROM wanted ANTI JOIN lake_table USING (event_id)), extra AS (SELECT event_id FROM lake_table ANTI JOIN wanted USING (event_id)),
      twice AS (SELECT event_id FROM lake_table GROUP BY event_id HAVING count(*) > 1)
      SELECT (SELECT count(*) FROM mine) AS stored, (SELECT count(*) FROM wanted) AS wanted, (SELECT count(*) FROM lake_table) AS rows,
        (SELECT count(*) FROM missing) AS missing, (SELECT count(*) FROM extra) + (SELECT count(*) FROM twice) AS extra,
        (SELECT list(event_id) FROM (FROM missing LIMIT ${NAMED_IDS})) AS missing_ids, (SELECT list(event_id) FROM (FROM extra UNION ALL FROM twice LIMIT ${NAMED_IDS})) AS extra_ids`,
    { name: table },
  )
  const { count, ids } = counted(rows[0])
  return {
    table,
    version: reading.version,
    stored: count('stored'),
    superseded: count('stored') - count('wanted'),
    rows: count('rows'),
    missing: count('missing'),
    extra: count('extra'),
    ids: { missing: ids('missing_ids'), extra: ids('extra_ids') },
  }
}

async function storesOf(
  table: string,
  parts: VerifyParts,
  silent: ReadonlyMap<string, string>,
): Promise<Record<string, StoreReport>> {
  const reports: Record<string, StoreReport> = {}
  for (const sink of parts.stores) {
    const stored = sink.tables.find((candidate) => candidate.table === table)
    const why = silent.get(sink.name)
    if (stored) reports[sink.name] = why === undefined ? await verifyStore(sink, stored, parts) : unasked(why)
  }
  return reports
}

async function quarantineOf({ ledger, tables }: Cut, sql: TrustedSql): Promise<VerifyReport['quarantine']> {
  const quarantine = tables.get('quarantine')
  if (!quarantine) throw new Error('verify: the lake has no quarantine table')
  const { rows } = await sql.query(
    { files: [], setup: [view('ledger', ledger), view('quarantine', quarantine)] },
    `WITH wanted AS (SELECT raw_batch, raw_line FROM ledger WHERE outcome = 'quarantined')
      SELECT (SELECT count(*) FROM quarantine) AS rows, (SELECT count(*) FROM wanted ANTI JOIN quarantine USING (raw_batch, raw_line)) AS missing,
        (SELECT count(*) FROM quarantine ANTI JOIN wanted USING (raw_batch, raw_line)) AS extra`,
  )
  return {
    rows: Number(rows[0]?.['rows'] ?? 0),
    missing: Number(rows[0]?.['missing'] ?? 0),
    extra: Number(rows[0]?.['extra'] ?? 0),
  }
}

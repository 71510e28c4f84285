import type { EventTypes } from '@sluice/events'
import type { Refusal } from '@sluice/store'
import type { ReadParts } from './console-parts.ts'
import type { ConsoleStore } from './console-store.ts'
import type { TableReading } from './lake-reader.ts'
import { fileList, quoted } from './sql/quote.ts'
import type { JsonInteger } from './sql/result-value.ts'
import { progressOf } from './status.ts'
import type { TrustedSql } from './trusted-sql.ts'
import { unlessSilent } from './unless-silent.ts'

export interface Trail {
  event_id: string
  type: string
  outcome: 'stored' | 'quarantined'
  received_at: string
  superseded_by?: string
  raw: { key: string; batch: string; line: number }
  log: { partition: number; offset: JsonInteger }
  table?: { name: string; version: number; file: string | null }
  quarantine?: {
    reason: string
    field: string | null
    message: string | null
    text: string | null
    closed_by: string | null
  }
  repeats: number
  sinks: Record<
    string,
    { status: 'written' | 'pending' | 'refused' | 'not_routed'; version: number | null; reason?: string }
  >
}

interface Receipt {
  raw_batch: string
  raw_line: number
  type: string
  outcome: string
  reason: string | null
  table_name: string | null
  key: string | null
  received_at: string
  log_partition: number
  log_offset: JsonInteger
}

export interface TrailParts extends ReadParts {
  sql: TrustedSql
  eventTypes: EventTypes
}

/** An event's whole way, from its raw line to every store; `undefined` for an id that the ledger has never seen. */
export async function trailOf(event_id: string, parts: TrailParts): Promise<Trail | undefined> {
  const receipts = await receiptsOf(event_id, parts)
  const receipt =
    receipts.find(({ outcome }) => outcome === 'stored') ?? receipts.find(({ outcome }) => outcome === 'quarantined')
  if (!receipt) return undefined
  const batch = await parts.rawZone.find(receipt.raw_batch)
  const trail: Trail = {
    event_id,
    type: receipt.type,
    outcome: receipt.outcome === 'stored' ? 'stored' : 'quarantined',
    received_at: receipt.received_at,
    raw: { key: batch?.key ?? receipt.raw_batch, batch: receipt.raw_batch, line: receipt.raw_line },
    log: { partition: receipt.log_partition, offset: receipt.log_offset },
    repeats: receipts.filter(({ outcome }) => outcome === 'repeat').length,
    sinks: {},
  }
  if (receipts.some(({ outcome }) => outcome === 'quarantined')) {
    const entry = await quarantineEntry(event_id, parts)
    if (entry) trail.quarantine = entry
  }
  const place =
    receipt.table_name === null ? undefined : await placeOf(event_id, receipt.table_name, receipt.key, parts)
  if (place) {
    trail.table = { name: place.reading.name, version: place.version, file: place.file }
    if (place.superseded_by !== undefined) trail.superseded_by = place.superseded_by
  }
  const sinks = await Promise.all(
    parts.stores.map(
      async (store) => [store.name, await sinkOf(store, event_id, receipt.key ?? event_id, place)] as const,
    ),
  )
  trail.sinks = Object.fromEntries(sinks)
  return trail
}

async function receiptsOf(event_id: string, { lake, sql }: TrailParts): Promise<Receipt[]> {
  const ledger = await lake.open('ledger')
  if (!ledger) return []
  const answer = await sql.query(
    viewOf('ledger', ledger),
    `SELECT raw_batch, raw_line, type, outcome, reason, table_name, "key", received_at, log_partition, log_offset FROM ledger
     WHERE id_hash = (md5_number_lower($id)::BIT)::BIGINT AND event_id = $id ORDER BY received_at, raw_batch, raw_line`,
    { id: event_id },
  )
  return answer.rows.map((row) => ({
    raw_batch: String(row['raw_batch']),
    raw_line: Number(row['raw_line']),
    type: String(row['type']),
    outcome: String(row['outcome']),
    reason: textOf(row['reason']),
    table_name: textOf(row['table_name']),
    key: textOf(row['key']),
    received_at: String(row['received_at']),
    log_partition: Number(row['log_partition']),
    log_offset: typeof row['log_offset'] === 'number' ? row['log_offset'] : String(row['log_offset']),
  }))
}

async function quarantineEntry(event_id: string, { lake, sql }: TrailParts): Promise<Trail['quarantine']> {
  const quarantine = await lake.open('quarantine')
  if (!quarantine) return undefined
  const answer = await sql.query(
    viewOf('quarantine', quarantine),
    'SELECT reason, field, message, text, closed_by FROM quarantine WHERE event_id = $id ORDER BY received_at, raw_batch, raw_line LIMIT 1',
    { id: event_id },
  )
  const [row] = answer.rows
  if (!row) return undefined
  return {
    reason: String(row['reason']),
    field: textOf(row['field']),
    message: textOf(row['message']),
    text: textOf(row['text']),
    closed_by: textOf(row['closed_by']),
  }
}

interface Place {
  reading: TableReading
  version: number
  file: string | null
  superseded_by?: string
}

/** Where the event's row is now, or what replaced it. */
async function placeOf(
  event_id: string,
  table: string,
  key: string | null,
  { lake, sql, eventTypes }: TrailParts,
): Promise<Place | undefined> {
  const reading = await lake.open(table)
  if (!reading) return undefined
  const keyField = eventTypes.byTable.get(table)?.key
  const condition = keyField === undefined || key === null ? 'event_id = $id' : `${quoted(keyField)} = $key`
  if (reading.paths.length === 0) return { reading, version: reading.version, file: null }
  const answer = await sql.query(
    { setup: [], files: [] },
    `SELECT event_id, filename FROM read_parquet(${fileList(reading.paths)}, filename = true, union_by_name = true) WHERE ${condition} LIMIT 1`,
    keyField === undefined || key === null ? { id: event_id } : { key },
  )
  const [row] = answer.rows
  if (!row) return { reading, version: reading.version, file: null }
  const at = reading.paths.indexOf(String(row['filename']))
  const file = reading.files[at]?.path ?? null
  const version = file === null ? undefined : await lake.versionOfFile(table, file)
  const newest = String(row['event_id'])
  return {
    reading,
    version: version ?? reading.version,
    file,
    ...(newest === event_id ? {} : { superseded_by: newest }),
  }
}

async function sinkOf(
  sink: ConsoleStore,
  event_id: string,
  identity: string,
  place: Place | undefined,
): Promise<Trail['sinks'][string]> {
  const routed = place && sink.tables.some(({ table }) => table === place.reading.name)
  if (!place || !routed) return { status: 'not_routed', version: null }
  try {
    return await statusIn(sink, event_id, identity, place)
  } catch (error) {
    // A store that is away holds back nothing else of the trail.
    return { status: 'pending', version: null, reason: error instanceof Error ? error.message : String(error) }
  }
}

async function statusIn(
  sink: ConsoleStore,
  event_id: string,
  identity: string,
  place: Place,
): Promise<Trail['sinks'][string]> {
  const progress = (await progressOf(sink))[place.reading.name]
  const version = progress && progress.table_id === place.reading.table_id ? progress.version : null
  if (version === null || version < place.version) return { status: 'pending', version }
  const refusal = await refusalOf(sink, place.reading.name, identity)
  if (refusal?.event_id === event_id) return { status: 'refused', version, reason: refusal.reason }
  return { status: 'written', version }
}

const REFUSALS_A_PAGE = 1_000

async function refusalOf(sink: ConsoleStore, table: string, identity: string) {
  // Refusals come in order of identity, strictly after a given one: the identity less its last character is before it.
  let after: string | undefined = identity.slice(0, -1)
  for (;;) {
    const page: Refusal[] = await unlessSilent(sink.store.refusals(table, after, REFUSALS_A_PAGE))
    const found = page.find((refusal) => refusal.identity === identity)
    const last = page.at(-1)?.identity
    if (found || last === undefined || Buffer.compare(Buffer.from(last), Buffer.from(identity)) > 0) return found
    after = last
  }
}

const viewOf = (name: string, reading: TableReading) => ({
  files: [],
  setup: [`CREATE VIEW ${quoted(name)} AS SELECT * FROM ${reading.relation}`],
})
const textOf = (value: unknown) => (value === null || value === undefined ? null : String(value))

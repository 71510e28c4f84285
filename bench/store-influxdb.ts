/**
 * What the time series store takes: a million rows as first load, in order of time and in none, batches of few rows, a restart.
 * `node bench/store-influxdb.ts [rows] [http://host:port org bucket token]`; without a URL: embedded. The table
 * streaming_quality of the bucket is emptied before and after.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadEventTypes } from '@sluice/events'
import { type Progress, type Row, type RowChange, routedTables } from '@sluice/store'
import { openStore as openEmbedded } from '@sluice/store-influxdb/embedded'
import { openStore as openServer } from '@sluice/store-influxdb/server'

const BATCH_ROWS = 5_000
const SMALL_BATCHES = 200
const REGIONS = ['India', 'EU West', 'US,East', 'São Paulo', 'AP=South', 'line\\break']
const SPAN_S = 40 * 86_400

const [rowsText = '1000000', url, org = '', bucket = '', token = ''] = process.argv.slice(2)
const count = Number(rowsText)
const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
const quality = routedTables(await loadEventTypes({}), 'influxdb').find(({ table }) => table === 'streaming_quality')
if (!quality) throw new Error('expected the table streaming_quality')
const open = () => (url ? openServer({ url, org, bucket, token }) : openEmbedded({ folder }))
let progress: Progress | undefined

report(url ? 'InfluxDB on a server' : 'embedded', '')
let store = await open()
await store.prepare([quality])
await store.forget(quality.table)
await rate('first load, as events arrive: in order of time', count, streamed)
await store.forget(quality.table)
progress = undefined
await rate('first load, seconds in random order', count, spread)
await rate('seconds of one series, a hundred rows each', count / 4, crowded)
await each(`${SMALL_BATCHES} batches of 10 rows`, (n) =>
  apply(changes(2 * count + n * 10, 2 * count + n * 10 + 10, spread)),
)
await store.close()

const reopened = performance.now()
store = await open()
await store.prepare([quality])
await apply(changes(3 * count, 3 * count + 10, spread))
report('open again, and a batch of 10 rows', `${Math.round(performance.now() - reopened)} ms`)
const week = { region: 'India', to: '2025-10-08', days: '7' }
await each('buffering-trend', () => store.ask('buffering-trend', week, 100))
const hour = { region: 'India', from: '2025-09-20T10:00:00Z', to: '2025-09-20T11:00:00Z' }
await each('buffering-per-minute of an hour', () => store.ask('buffering-per-minute', hour, 100))
const pages = performance.now()
let inventory = 0
for (let after: string | undefined; ; ) {
  const page = await store.inventory(quality.table, after, 10_000)
  if (page.length === 0) break
  inventory += page.length
  after = page.at(-1)?.identity
}
report(`inventory of ${inventory} rows`, `${Math.round((performance.now() - pages) / 100) / 10} s`)
report('memory', `${Math.round(process.memoryUsage().rss / 1e6)} MB`)
await store.forget(quality.table)
await store.close()
await rm(folder, { recursive: true })

/** Of 1,200 series, each later than the one before. */
function streamed(n: number): Row {
  return row(n, Math.floor((n * SPAN_S) / count), `m${n % 200}`)
}

/** A second somewhere in the span, of one of 1,200 series. */
function spread(n: number): Row {
  const mixed = Math.imul(n + 1, 0x9e3779b1) >>> 0
  return row(n, mixed % SPAN_S, `m${mixed % 200}`)
}

function crowded(n: number): Row {
  return row(n + count, SPAN_S + Math.floor(n / 100), 'm1')
}

function row(n: number, second: number, movie_id: string): Row {
  const at = new Date(Date.UTC(2025, 8, 1) + second * 1000).toISOString().replace('Z', '000Z')
  return {
    region: REGIONS[n % REGIONS.length] ?? '',
    movie_id,
    buffering_count: n % 12,
    avg_bitrate: (n % 80) / 10,
    collected_at: at,
    event_id: `01995a3c-${String(n % 65_536).padStart(4, '0')}-7000-8000-${String(n).padStart(12, '0')}`,
    received_at: at,
    raw_batch: '0199-aaaaaaaa/000000001',
    raw_line: n % 1000,
    _extra: null,
  }
}

function changes(from: number, to: number, make: (n: number) => Row): Omit<RowChange, 'version'>[] {
  return Array.from({ length: to - from }, (_, i) => {
    const made = make(from + i)
    return { op: 'upsert', identity: String(made['event_id']), row: made }
  })
}

async function apply(batch: Omit<RowChange, 'version'>[]): Promise<void> {
  const next: Progress = { table_id: 'bench', version: (progress?.version ?? 0) + 1 }
  const stamped = batch.map((change) => ({ ...change, version: next.version }))
  const outcome = await store.apply({ table: 'streaming_quality', expected: progress, next, changes: stamped })
  if (outcome.kind !== 'applied' || outcome.refused.length > 0) throw new Error(JSON.stringify(outcome).slice(0, 500))
  progress = next
}

/** Time that goes into making the rows counts too: it is some percent. */
async function rate(what: string, rows: number, make: (n: number) => Row): Promise<void> {
  const begin = performance.now()
  for (let from = 0; from < rows; from += BATCH_ROWS)
    await apply(changes(from, Math.min(rows, from + BATCH_ROWS), make))
  report(what, `${Math.round((rows / (performance.now() - begin)) * 1000).toLocaleString('en')} rows/s`)
}

async function each(what: string, work: (n: number) => Promise<unknown>): Promise<void> {
  const times: number[] = []
  for (let n = 0; n < SMALL_BATCHES; n++) {
    const begin = performance.now()
    await work(n)
    times.push(performance.now() - begin)
  }
  times.sort((a, b) => a - b)
  const at = (share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(1)
  report(what, `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms`)
}

function report(what: string, figure: string): void {
  process.stdout.write(`${what.padEnd(48)} ${figure}\n`)
}

/**
 * What the SQL store takes: a million rows as first load, the same rows again as updates, and batches of few rows.
 * `node bench/store-postgres.ts [rows] [postgres://user:password@host:port/database]`; without a URL: embedded.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadEventTypes } from '@sluice/events'
import { type Progress, type Row, type RowChange, routedTables, type Store } from '@sluice/store'
import { openStore as openEmbedded } from '@sluice/store-postgres/embedded'
import { openStore as openServer } from '@sluice/store-postgres/server'

const BATCH_ROWS = 5_000
const SMALL_BATCHES = 300

const [rowsText = '1000000', url] = process.argv.slice(2)
const count = Number(rowsText)
const progress = new Map<string, Progress>()
const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
const types = await loadEventTypes({})
const [views, movies] = ['viewing_history', 'movies'].map((name) =>
  routedTables(types, 'postgres').find(({ table }) => table === name),
)
if (!views || !movies) throw new Error('expected the tables viewing_history and movies')

report(url ? 'PostgreSQL on a server' : 'PGlite', '')
const started = performance.now()
const store = url ? await openServer({ url, schema: 'sluice_bench' }) : await openEmbedded({ folder })
await store.prepare([views, movies])
for (const { table } of [views, movies]) await store.forget(table)
report('open, empty', `${Math.round(performance.now() - started)} ms`)

await rate('viewing_history, first load', count, (from, to) => apply(store, views.table, range(from, to, view)))
await rate('movies (keyed), first load', count / 4, (from, to) => apply(store, movies.table, range(from, to, movie)))
await rate('movies, each updated', count / 4, (from, to) => apply(store, movies.table, range(from, to, movie)))
await each(`viewing_history, ${SMALL_BATCHES} batches of 10 rows`, (n) =>
  apply(store, views.table, range(count + n * 10, count + n * 10 + 10, view)),
)
await each('watched-by-user', (n) => store.ask('watched-by-user', { user_id: `u${n}` }, 100))
const pages = performance.now()
let inventory = 0
for (let after: string | undefined; ; ) {
  const page = await store.inventory(views.table, after, 50_000)
  if (page.length === 0) break
  inventory += page.length
  after = page.at(-1)?.identity
}
report('inventory', `${Math.round((inventory / (performance.now() - pages)) * 1000).toLocaleString('en')} rows/s`)
report('memory', `${Math.round(process.memoryUsage().rss / 1e6)} MB`)
await store.close()
await rm(folder, { recursive: true })

function view(n: number): Row {
  const at = new Date(Date.UTC(2025, 8, 1) + n * 1000).toISOString().replace('Z', '000Z')
  const fields = {
    user_id: `u${(n * 7919) % 20_000}`,
    movie_id: `m${n % 1000}`,
    watched_at: at,
    device: 'Fire "Stick" 4K',
  }
  return { ...fields, duration_minutes: n % 180, city: "Coeur d'Alene", country: 'United States', ...lineage(n, at) }
}

function movie(n: number): Row {
  const at = new Date(Date.UTC(2025, 8, 1) + n * 1000).toISOString().replace('Z', '000Z')
  const cast = ['Leonardo DiCaprio', `Actor ${n}`]
  return {
    movie_id: `m${n}`,
    title: `Film ${n}`,
    cast,
    rating: 8.8,
    release_year: 2010,
    updated_at: at,
    ...lineage(n, at),
  }
}

function lineage(n: number, at: string): Row {
  return {
    event_id: `01995a3c-${String(n % 65_536).padStart(4, '0')}-7000-8000-${String(n).padStart(12, '0')}`,
    received_at: at,
    raw_batch: '0199-aaaaaaaa/000000001',
    raw_line: n % 1000,
    _extra: null,
  }
}

function range(from: number, to: number, row: (n: number) => Row): Omit<RowChange, 'version'>[] {
  return Array.from({ length: to - from }, (_, i) => {
    const made = row(from + i)
    return {
      op: 'upsert',
      identity: String(made['movie_id'] === `m${from + i}` ? made['movie_id'] : made['event_id']),
      row: made,
    }
  })
}

async function apply(to: Store, table: string, changes: Omit<RowChange, 'version'>[]): Promise<void> {
  const expected: Progress | undefined = progress.get(table)
  const next = { table_id: 'bench', version: (expected?.version ?? 0) + 1 }
  const outcome = await to.apply({
    table,
    expected,
    next,
    changes: changes.map((it) => ({ ...it, version: next.version })),
  })
  if (outcome.kind !== 'applied' || outcome.refused.length > 0) throw new Error(JSON.stringify(outcome).slice(0, 500))
  progress.set(table, next)
}

/** Time that goes into making the rows counts too: it is some percent. */
async function rate(what: string, rows: number, work: (from: number, to: number) => Promise<void>): Promise<void> {
  const begin = performance.now()
  const cpu = process.cpuUsage()
  for (let from = 0; from < rows; from += BATCH_ROWS) await work(from, Math.min(rows, from + BATCH_ROWS))
  const { user, system } = process.cpuUsage(cpu)
  const perSecond = (seconds: number) => Math.round(rows / seconds).toLocaleString('en')
  report(
    what,
    `${perSecond((performance.now() - begin) / 1000)} rows/s; ${perSecond((user + system) / 1e6)} a second of this process's CPU`,
  )
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

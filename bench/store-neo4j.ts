/**
 * What the graph store takes: views that make edges and tallies, films with their casts, batches of few rows.
 * `node bench/store-neo4j.ts [rows] [bolt://host:7687 user password]`; without a URL: embedded.
 * Takes the tables viewing_history and movies out of that graph first.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadEventTypes } from '@sluice/events'
import { identityOf, type Progress, type Row, type RowChange, routedTables, type StoredTable } from '@sluice/store'
import { openStore as openEmbedded } from '@sluice/store-neo4j/embedded'
import { openStore as openServer } from '@sluice/store-neo4j/server'

const BATCH_ROWS = 5_000
const SMALL_BATCHES = 200
const PAGE_ROWS = 50_000
const USERS = 50_000
const FILMS = 2_000
const EDGES_A_FILM = 6

const [rowsText = '1000000', url, username = 'neo4j', password = ''] = process.argv.slice(2)
const count = Number(rowsText)
const tables = routedTables(await loadEventTypes({}), 'neo4j')
const [views, movies] = ['viewing_history', 'movies'].map((name) => tables.find(({ table }) => table === name))
if (!views || !movies) throw new Error('expected the tables viewing_history and movies')
const progress = new Map<string, Progress>()
const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'))

report(url ? 'Neo4j' : 'LadybugDB', '')
const store = url ? await openServer({ url, username, password }) : await openEmbedded({ folder })
await store.prepare([views, movies])
for (const { table } of [views, movies]) await store.forget(table)

const films = Math.ceil(count / 20)
await rate('movies, first load', films, films * EDGES_A_FILM, (from, to) => apply(movies, from, to, (n) => movie(n, 0)))
await rate('movies, each updated, a third of its edges', films, films * 2, (from, to) =>
  apply(movies, from, to, (n) => movie(n, 1)),
)
await rate('viewing_history, a new edge each', count, count, (from, to) => apply(views, from, to, view))
await rate('viewing_history, each edge again', Math.ceil(count / 4), Math.ceil(count / 4), (from, to) =>
  apply(views, from, to, (n) => ({ ...view(n), event_id: `again-${n}` })),
)
await each(`viewing_history, ${SMALL_BATCHES} batches of 10 rows`, (n) =>
  apply(views, count + n * 10, count + n * 10 + 10, view),
)
await each('because-you-watched', (n) => store.ask('because-you-watched', { user_id: `u${n}` }, 100))
const begin = performance.now()
let inventory = 0
for (let after: string | undefined; ; ) {
  const page = await store.inventory(views.table, after, PAGE_ROWS)
  if (page.length === 0) break
  inventory += page.length
  after = page.at(-1)?.identity
}
report('inventory', `${perSecond(inventory, begin)} edges/s`)
const forgetting = performance.now()
for (const { table } of [views, movies]) await store.forget(table)
report('forget', `${Math.round(performance.now() - forgetting)} ms`)
report('memory', `${Math.round(process.memoryUsage().rss / 1e6)} MB`)
await store.close()
await rm(folder, { recursive: true })

/** Each pair of user and film comes once in USERS × FILMS rows; films have favourites among them. */
function view(n: number): Row {
  const user = n % USERS
  const film = (Math.floor(n / USERS) + user * 31) % FILMS
  const at = instant(n)
  return { user_id: `u${user}`, movie_id: `m${film}`, watched_at: at, device: 'TV', ...lineage(`v-${n}`, at) }
}

/** With each edition two of the six edges are others. */
function movie(n: number, edition: number): Row {
  return {
    movie_id: `m${n}`,
    title: `Film ${n}`,
    cast: [`Actor ${n % 500}`, `Actor ${(n * 7) % 500}`, `Actor ${n + edition}`],
    genres: ['sci-fi'],
    rating: 8.5,
    release_year: 2010,
    related_to: [`m${(n + 1 + edition) % films}`, `m${(n * 3) % films}`, `m${(n * 7 + 5) % films}`],
    updated_at: instant(n),
    ...lineage(`m-${n}-${edition}`, instant(n)),
  }
}

function instant(n: number): string {
  return new Date(Date.UTC(2025, 8, 1) + n * 1000).toISOString().replace('Z', '000Z')
}

function lineage(event_id: string, received_at: string): Row {
  return {
    event_id: `01995a3c-0000-7000-${event_id}`,
    received_at,
    raw_batch: '0199-aaaaaaaa/000000001',
    raw_line: 0,
    _extra: null,
  }
}

async function apply(stored: StoredTable, from: number, to: number, rowOf: (n: number) => Row): Promise<void> {
  const expected = progress.get(stored.table)
  const next = { table_id: 'bench', version: (expected?.version ?? 0) + 1 }
  const changes = Array.from({ length: to - from }, (_, i): RowChange => {
    const row = rowOf(from + i)
    return { op: 'upsert', identity: identityOf(stored, row), version: next.version, row }
  })
  const outcome = await store.apply({ table: stored.table, expected, next, changes })
  if (outcome.kind !== 'applied' || outcome.refused.length > 0) throw new Error(JSON.stringify(outcome).slice(0, 500))
  progress.set(stored.table, next)
}

async function rate(what: string, rows: number, edges: number, work: (from: number, to: number) => Promise<void>) {
  const started = performance.now()
  for (let from = 0; from < rows; from += BATCH_ROWS) await work(from, Math.min(rows, from + BATCH_ROWS))
  report(what, `${perSecond(rows, started)} rows/s, ${perSecond(edges, started)} edges/s (${rows} rows)`)
}

async function each(what: string, work: (n: number) => Promise<unknown>): Promise<void> {
  const times: number[] = []
  for (let n = 0; n < SMALL_BATCHES; n++) {
    const started = performance.now()
    await work(n)
    times.push(performance.now() - started)
  }
  times.sort((a, b) => a - b)
  const at = (share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(1)
  report(what, `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms`)
}

function perSecond(things: number, started: number): string {
  return Math.round((things / (performance.now() - started)) * 1000).toLocaleString('en')
}

function report(what: string, figure: string): void {
  process.stdout.write(`${what.padEnd(48)} ${figure}\n`)
}

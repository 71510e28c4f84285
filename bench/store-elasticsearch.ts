/**
 * What the search store takes: posts as first load, the same posts again as updates, and batches of few rows.
 * `node bench/store-elasticsearch.ts [rows] [http://host:9200]`; without a URL: embedded.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadEventTypes } from '@sluice/events'
import { type Progress, type Row, type RowChange, routedTables } from '@sluice/store'
import { openStore as openEmbedded } from '@sluice/store-elasticsearch/embedded'
import { openStore as openServer } from '@sluice/store-elasticsearch/server'

const BATCH_ROWS = 5_000
const SMALL_BATCHES = 200
const PAGE_ROWS = 50_000
const WORDS =
  'the wobbling top never fell and I keep watching that last scene of Inception again with friends who loved it more than any other film this year because music acting story trailer weekend'.split(
    ' ',
  )

const [rowsText = '1000000', url] = process.argv.slice(2)
const count = Number(rowsText)
const posts = routedTables(await loadEventTypes({}), 'elasticsearch').find(({ table }) => table === 'posts')
if (!posts) throw new Error('expected the table posts')
const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
let progress: Progress | undefined

report(url ? 'Elasticsearch' : 'SQLite', '')
const store = url ? await openServer({ url, prefix: 'sluice-bench' }) : await openEmbedded({ folder })
await store.prepare([posts])
await store.forget(posts.table)

await rate('posts, first load', count, (from, to) => apply(from, to))
await rate('posts, each updated', Math.ceil(count / 4), (from, to) => apply(from, to))
await each(`posts, ${SMALL_BATCHES} batches of 10 rows`, (n) => apply(count + n * 10, count + n * 10 + 10))
await each('posts-about, 100 of many', () => store.ask('posts-about', { text: 'inception trailer' }, 100))
const begin = performance.now()
let inventory = 0
for (let after: string | undefined; ; ) {
  const page = await store.inventory(posts.table, after, PAGE_ROWS)
  if (page.length === 0) break
  inventory += page.length
  after = page.at(-1)?.identity
}
report('inventory', perSecond(inventory, begin))
report('memory', `${Math.round(process.memoryUsage().rss / 1e6)} MB`)
await store.forget(posts.table)
await store.close()
await rm(folder, { recursive: true })

/** A post of 12 to 35 words. */
function post(n: number): Row {
  const at = new Date(Date.UTC(2025, 8, 1) + n * 1000).toISOString().replace('Z', '000Z')
  const content = Array.from({ length: 12 + (n % 24) }, (_, i) => WORDS[(n * 31 + i * i) % WORDS.length]).join(' ')
  return {
    post_id: `p${n}`,
    user_id: `u${(n * 7919) % 20_000}`,
    content: `${content} #${n}`,
    media: ['trailer.mp4'],
    posted_at: at,
    event_id: `01995a3c-${String(n % 65_536).padStart(4, '0')}-7000-8000-${String(n).padStart(12, '0')}`,
    received_at: at,
    raw_batch: '0199-aaaaaaaa/000000001',
    raw_line: n % 1000,
    _extra: null,
  }
}

async function apply(from: number, to: number): Promise<void> {
  const next = { table_id: 'bench', version: (progress?.version ?? 0) + 1 }
  const changes = Array.from({ length: to - from }, (_, i): RowChange => {
    const row = post(from + i)
    return { op: 'upsert', identity: String(row['post_id']), version: next.version, row }
  })
  const outcome = await store.apply({ table: 'posts', expected: progress, next, changes })
  if (outcome.kind !== 'applied' || outcome.refused.length > 0) throw new Error(JSON.stringify(outcome).slice(0, 500))
  progress = next
}

/** Time that goes into making the rows counts too: it is some percent. */
async function rate(what: string, rows: number, work: (from: number, to: number) => Promise<void>): Promise<void> {
  const started = performance.now()
  for (let from = 0; from < rows; from += BATCH_ROWS) await work(from, Math.min(rows, from + BATCH_ROWS))
  report(what, perSecond(rows, started))
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

function perSecond(rows: number, started: number): string {
  const rows_per_second = Math.round((rows / (performance.now() - started)) * 1000)
  return `${rows_per_second.toLocaleString('en')} rows/s (${rows.toLocaleString('en')} rows)`
}

function report(what: string, figure: string): void {
  process.stdout.write(`${what.padEnd(48)} ${figure}\n`)
}

/**
 * `keyed.ts <folder> <rows> <recent|uniform> <seconds>`: a keyed table of so many rows takes 500 updates and 500 inserts a
 * second. Each turn merges what arrived while the turn before it ran, as a transformer does that does not keep up with
 * single batches, and makes a round of maintenance. Prints a `Keyed` as JSON.
 */
import { setTimeout } from 'node:timers/promises'
import { type Column, LakeTable, Maintenance, type WrittenFile } from '@sluice/lake'
import type { Keyed } from './measured.ts'
import { openSimulatedLake, type SimulatedLake } from './simulated-lake.ts'

const [folder = '', count = '', pattern = '', seconds = ''] = process.argv.slice(2)
const ROWS = Number(count)
const INSERTS_A_SECOND = 500
const UPDATES_A_SECOND = 500
/** A turn comes no earlier than this after the one before: the transformer's freshness. */
const TURN_MS = 400
const FILE_ROWS = 250_000
/** Distance between two keys of the first load: new keys of `uniform` lie between them. */
const STEP = 1_000
/** With `recent`, rows change as long as they are no older than an hour of inserts. */
const HOUR_INSERTS = 3_600 * INSERTS_A_SECOND

const COLUMNS: readonly Column[] = [
  { name: 'subscription_id', type: 'string' },
  { name: 'user_id', type: 'string' },
  { name: 'plan', type: 'string' },
  { name: 'status', type: 'string' },
  { name: 'changed_at', type: 'timestamp' },
  { name: 'event_id', type: 'string' },
  { name: 'received_at', type: 'timestamp' },
  { name: 'raw_batch', type: 'string' },
  { name: 'raw_line', type: 'integer' },
  { name: '_extra', type: 'string' },
]

const world = await openSimulatedLake(folder, Date.now())
const table = await LakeTable.create(world.lake, {
  name: `subscriptions_${pattern}`,
  key: 'subscription_id',
  time: 'changed_at',
  columns: COLUMNS,
})
await fill(table)
console.log(JSON.stringify(await fed(world, table)))
await world.close()

async function fill(table: LakeTable): Promise<void> {
  const files: WrittenFile[] = []
  await table.lake.database.withConnection(async (connection) => {
    for (let first = 0; first < ROWS; first += FILE_ROWS) {
      const select = rowsOf(`range(${first}, ${Math.min(first + FILE_ROWS, ROWS)})`, `n * ${STEP}`, 'active')
      const file = await table.writeFile(connection, select)
      if (file) files.push(file)
    }
  })
  await table.appendFiles(files)
}

async function fed({ lake, clock, written }: SimulatedLake, table: LakeTable): Promise<Keyed> {
  const maintenance = new Maintenance(table)
  const before = { files: table.snapshot.fileCount, bytes: bytesOf(table) }
  const turns: { seconds: number; rows: number; files: number; bytes: number }[] = []
  const began = performance.now()
  const elapsed = () => (performance.now() - began) / 1_000
  let worst_lag_seconds = 0
  let taken = 0
  while (elapsed() < Number(seconds)) {
    await setTimeout(Math.max(0, (taken - elapsed()) * 1_000 + TURN_MS))
    const [from, to] = [taken, elapsed()]
    taken = to
    clock.now_ms = Date.now()
    const had = new Set([...table.snapshot.files()].map(({ path }) => path))
    const bytes = written.data
    const arrived = await lake.database.withConnection((connection) => table.writeFile(connection, arrivals(from, to)))
    if (!arrived) continue
    const outcome = await table.merge({ files: [arrived] })
    if (outcome.kind !== 'committed') throw new Error(`expected a merge to be committed, got ${outcome.kind}`)
    for (const { path } of table.snapshot.files()) had.delete(path)
    worst_lag_seconds = Math.max(worst_lag_seconds, elapsed() - from)
    turns.push({
      seconds: elapsed() - to,
      rows: arrived.rows,
      files: had.size,
      bytes: written.data - bytes - arrived.size,
    })
    await maintenance.pass()
  }
  // The first turn finds one batch, the later ones what a turn leaves to the next.
  const later = turns.slice(1)
  const mean = (value: (turn: (typeof turns)[number]) => number) =>
    later.reduce((sum, turn) => sum + value(turn), 0) / Math.max(1, later.length)
  return {
    rows: ROWS,
    ...before,
    merges: turns.length,
    seconds: elapsed(),
    merge_seconds: mean((turn) => turn.seconds),
    merge_rows: mean((turn) => turn.rows),
    files_touched: mean((turn) => turn.files),
    bytes_rewritten: mean((turn) => turn.bytes),
    rows_a_second: turns.reduce((sum, { rows }) => sum + rows, 0) / taken,
    worst_lag_seconds,
    live_files: table.snapshot.fileCount,
    peak_mb: Math.round(process.resourceUsage().maxRSS / 1_000),
  }
}

function bytesOf(table: LakeTable): number {
  return [...table.snapshot.files()].reduce((sum, { size }) => sum + size, 0)
}

/** Rows that arrive between two instants, in seconds since the beginning. */
function arrivals(from: number, to: number): string {
  const inserts = `range(${Math.floor(from * INSERTS_A_SECOND)}, ${Math.floor(to * INSERTS_A_SECOND)})`
  const updates = `range(${Math.floor(from * UPDATES_A_SECOND)}, ${Math.floor(to * UPDATES_A_SECOND)})`
  const newest = `${ROWS} + n`
  const [inserted, updated] =
    pattern === 'recent'
      ? [`(${newest}) * ${STEP}`, `(${newest} - 1 - hash(n) % least(${HOUR_INSERTS}, ${newest})::BIGINT) * ${STEP}`]
      : [`(hash(n) % ${ROWS})::BIGINT * ${STEP} + 1 + n % ${STEP - 1}`, `(hash(n + 7) % ${ROWS})::BIGINT * ${STEP}`]
  return `${rowsOf(inserts, inserted, 'active')} UNION ALL ${rowsOf(updates, updated, 'cancelled')}`
}

function rowsOf(range: string, key: string, status: string): string {
  return `SELECT printf('s-%014x', (${key})::BIGINT) AS subscription_id, 'user-' || hash(n) % 2000000 AS user_id,
    ['basic', 'family', 'premium'][1 + n % 3] AS plan, '${status}' AS status, to_timestamp(${Date.now() / 1_000}) AS changed_at,
    uuid()::VARCHAR AS event_id, to_timestamp(${Date.now() / 1_000}) AS received_at, 'batch' AS raw_batch,
    (n % 1000)::INTEGER AS raw_line FROM ${range} AS r(n)`
}

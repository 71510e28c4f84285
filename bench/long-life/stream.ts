/**
 * `stream.ts <folder> <seconds>`: a table fed 100 rows a second, a commit each second of a simulated day, with a round
 * of maintenance each other second as the transformer makes them. Prints a `Streamed` as JSON.
 */
import { LakeTable, Maintenance, type MaintenancePass, type WrittenFile } from '@sluice/lake'
import type { Streamed } from './measured.ts'
import {
  EVENT_COLUMNS,
  EVENTS_USE,
  openSimulatedLake,
  RETENTION_MS,
  ROWS_A_SECOND,
  type SimulatedLake,
  START_MS,
} from './simulated-lake.ts'

const [folder = '', seconds = ''] = process.argv.slice(2)
const SECONDS = Number(seconds)
const MAINTAIN_EVERY_SECONDS = 2
/** Files are written ahead of their commits by so many connections, as batches are by a transformer. */
const WRITERS = 2
const TELL_EVERY_SECONDS = 3_600

const world = await openSimulatedLake(folder, START_MS)
const table = await LakeTable.create(world.lake, {
  ...EVENTS_USE,
  columns: EVENT_COLUMNS,
  properties: {
    'delta.deletedFileRetentionDuration': `interval ${RETENTION_MS} milliseconds`,
    'delta.logRetentionDuration': `interval ${RETENTION_MS} milliseconds`,
  },
})
console.log(JSON.stringify(await fed(world, table)))
await world.close()

async function fed({ lake, clock, written }: SimulatedLake, table: LakeTable): Promise<Streamed> {
  const maintenance = new Maintenance(table, { vacuum: { retention_ms: RETENTION_MS, orphan_ms: RETENTION_MS } })
  const began = performance.now()
  let most_files = 0
  let appended_bytes = 0
  let compactions = 0
  let maintenance_ms = 0
  const pending: Promise<WrittenFile | undefined>[] = []
  const ahead = (second: number) =>
    lake.database.withConnection((connection) => table.writeFile(connection, rowsOf(second)))
  for (let second = 0; second < SECONDS; second++) {
    for (let next = second + pending.length; next < SECONDS && pending.length < WRITERS; next++)
      pending.push(ahead(next))
    const file = await pending.shift()
    if (!file) throw new Error(`expected ${ROWS_A_SECOND} rows in second ${second}, got none`)
    clock.now_ms = START_MS + (second + 1) * 1_000
    await table.appendFiles([file])
    appended_bytes += file.size
    most_files = Math.max(most_files, table.snapshot.fileCount)
    if (second % MAINTAIN_EVERY_SECONDS === 0) {
      const from = performance.now()
      compactions += committed(await maintenance.pass())
      maintenance_ms += performance.now() - from
    }
    if ((second + 1) % TELL_EVERY_SECONDS === 0)
      console.error(
        `hour ${(second + 1) / TELL_EVERY_SECONDS}: version ${table.version}, ${table.snapshot.fileCount} files, ${Math.round((performance.now() - began) / 1_000)} s`,
      )
  }
  return {
    took_seconds: (performance.now() - began) / 1_000,
    maintenance_seconds: maintenance_ms / 1_000,
    versions: table.version,
    commits: SECONDS,
    rows: table.view().rowCount() ?? 0,
    compactions,
    live_files: table.snapshot.fileCount,
    most_files,
    live_bytes: [...table.snapshot.files()].reduce((sum, { size }) => sum + size, 0),
    appended_bytes,
    data_bytes: written.data,
    log_bytes: written.log,
    ...(await objects(table)),
    peak_mb: Math.round(process.resourceUsage().maxRSS / 1_000),
  }
}

function committed({ compactions }: MaintenancePass): number {
  return compactions.filter(({ outcome }) => outcome === 'committed').length
}

async function objects(table: LakeTable): Promise<{ log_objects: number; data_objects: number }> {
  const found = { log_objects: 0, data_objects: 0 }
  for await (const { key } of table.lake.store.list(`${table.root}/`))
    found[key.includes('/_delta_log/') ? 'log_objects' : 'data_objects']++
  return found
}

function rowsOf(second: number): string {
  const at = START_MS + second * 1_000
  const n = `(i + ${second * ROWS_A_SECOND})`
  return `SELECT 'user-' || hash(${n}) % 50000 AS user_id, 'movie-' || hash(${n} + 1) % 3000 AS movie_id,
    to_timestamp(${at} / 1000) + to_milliseconds(i * 10) AS watched_at,
    ['phone', 'tablet', 'television', 'browser'][1 + i % 4] AS device, (hash(${n} + 2) % 200)::INTEGER AS duration_minutes,
    ['Lagos', 'São Paulo', 'Chennai', 'Berlin', 'Osaka'][1 + i % 5] AS city, uuid()::VARCHAR AS event_id,
    to_timestamp(${at} / 1000) + to_milliseconds(i * 10 + 3) AS received_at, 'batch-${second}' AS raw_batch,
    i::INTEGER AS raw_line FROM range(${ROWS_A_SECOND}) AS r(i)`
}

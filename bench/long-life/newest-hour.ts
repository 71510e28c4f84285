/**
 * `newest-hour.ts <folder> <seconds>`: opens the table of `stream.ts` in a new process and reads its newest hour. Prints a
 * `NewestHour` as JSON. The database is open before: a service opens it once.
 */
import { LakeTable, queryTuples } from '@sluice/lake'
import type { NewestHour } from './measured.ts'
import { EVENTS_USE, HOUR_MS, openSimulatedLake, START_MS } from './simulated-lake.ts'

const [folder = '', seconds = ''] = process.argv.slice(2)
const end_ms = START_MS + Number(seconds) * 1_000
const { lake, close } = await openSimulatedLake(folder, end_ms)

const first = await once()
const again = await once()
const measured: NewestHour = {
  ...first,
  again_ms: again.open_ms + again.read_ms,
  peak_mb: Math.round(process.resourceUsage().maxRSS / 1_000),
}
console.log(JSON.stringify(measured))
await close()

async function once(): Promise<{ open_ms: number; read_ms: number; rows: number }> {
  const began = performance.now()
  const table = await LakeTable.open(lake, EVENTS_USE)
  const opened = performance.now()
  const relation = await table.view().relation()
  const found = await lake.database.withConnection((connection) =>
    queryTuples(
      connection,
      `SELECT count(*), count(DISTINCT movie_id), sum(duration_minutes) FROM ${relation}
       WHERE watched_at >= to_timestamp(${(end_ms - HOUR_MS) / 1_000})`,
    ),
  )
  return { open_ms: opened - began, read_ms: performance.now() - opened, rows: Number(found[0]?.[0]) }
}

/**
 * `versions.ts <folder> <seconds>`: opens versions within retention of the table of `stream.ts`, so near each other that all
 * log entries are read, and looks for their files; reads the rows of some. Prints a `Versions` as JSON.
 */
import { LakeTable, queryTuples } from '@sluice/lake'
import type { Versions } from './measured.ts'
import { EVENTS_USE, openSimulatedLake, RETENTION_MS, ROWS_A_SECOND, START_MS } from './simulated-lake.ts'

const OPEN_EVERY = 10
const COUNT_EVERY = 30 * OPEN_EVERY
const AT_ONCE = 4
const [folder = '', seconds = ''] = process.argv.slice(2)
const end_ms = START_MS + Number(seconds) * 1_000
const { lake, close } = await openSimulatedLake(folder, end_ms)
const table = await LakeTable.open(lake, EVENTS_USE)
const objects = new Set<string>()
for await (const { key } of lake.store.list(`${table.root}/`)) objects.add(key)

const oldest = (await table.at({ timestamp_ms: Math.max(START_MS, end_ms - RETENTION_MS) })).version
const versions = Array.from(
  { length: Math.floor((table.version - oldest) / OPEN_EVERY) + 1 },
  (_, at) => oldest + at * OPEN_EVERY,
)
const found: Versions = {
  within: table.version - oldest + 1,
  opened: versions.length,
  readable: 0,
  counted: 0,
  wrong: [],
}
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let version = versions.shift(); version !== undefined; version = versions.shift()) await look(version)
  }),
)
console.log(JSON.stringify(found))
await close()

async function look(version: number): Promise<void> {
  try {
    const view = await table.at({ version })
    const missing = view.files().find(({ path }) => !objects.has(table.key(path)))
    if (missing) throw new Error(`lacks file ${missing.path}`)
    // A commit each second: the rows tell the second, and the second the rows.
    const rows = view.rowCount() ?? 0
    const due = ((view.timestamp_ms - START_MS) / 1_000) * ROWS_A_SECOND
    if (Math.abs(rows - due) > ROWS_A_SECOND) throw new Error(`has ${rows} rows and should have ${due}`)
    found.readable++
    if ((version - oldest) % COUNT_EVERY !== 0) return
    const relation = await view.relation()
    const [[count] = []] = await lake.database.withConnection((connection) =>
      queryTuples(connection, `SELECT count(event_id) FROM ${relation}`),
    )
    if (Number(count) !== rows) throw new Error(`counts ${rows} rows and holds ${count}`)
    found.counted++
  } catch (error) {
    if (found.wrong.length < 10)
      found.wrong.push(`version ${version} ${error instanceof Error ? error.message : String(error)}`)
  }
}

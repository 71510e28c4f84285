/**
 * What operations on lake tables cost: appends of 100 rows, merges of 1,000 rows into a million, and a change feed.
 * `node bench/lake-tables.ts [folder]`; the folder (default: a temporary one) is emptied.
 */
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Column, execute, type LakeParts, LakeTable, Maintenance, openDatabase } from '@sluice/lake'
import { openFolderStore } from '@sluice/object-store'

const COLUMNS: readonly Column[] = [
  { name: 'movie_id', type: 'string' },
  { name: 'title', type: 'string' },
  { name: 'cast', type: { type: 'array', elementType: 'string', containsNull: true } },
  { name: 'rating', type: 'double' },
  { name: 'updated_at', type: 'timestamp' },
  { name: 'event_id', type: 'string' },
  { name: 'received_at', type: 'timestamp' },
  { name: 'raw_batch', type: 'string' },
  { name: 'raw_line', type: 'integer' },
  { name: '_extra', type: 'string' },
]
const MEMORY_BYTES = 200_000_000

/** Rows of about 300 bytes as JSON, their keys from `first` on in random order of their hashes. */
function rows(count: number, first: number, at: string): string {
  return `SELECT 'movie-' || md5((i + ${first})::VARCHAR) AS movie_id, repeat(md5(i::VARCHAR), 3) AS title,
    ['actor-' || (i % 1000), 'actor-' || (i % 7)] AS "cast", i % 10 AS rating, TIMESTAMPTZ '${at}' + to_microseconds(i) AS updated_at,
    uuid()::VARCHAR AS event_id, now() AS received_at, 'batch-1' AS raw_batch, i::INTEGER AS raw_line FROM range(${count}) AS r(i)`
}

/** Each part runs in a process of its own, so that its peak of memory is its own. */
const PARTS: Readonly<Record<string, (lake: LakeParts) => Promise<void>>> = {
  async 'fill the tables'(lake) {
    const events = await LakeTable.create(lake, { name: 'events', columns: COLUMNS })
    await events.append(rows(1_000_000, 0, '2026-01-01 00:00:00Z'))
    const movies = await LakeTable.create(lake, { ...MOVIES, columns: COLUMNS })
    for (let part = 0; part < 20; part++)
      await timed(`merge of 50,000 new rows, file ${part + 1}`, () =>
        movies.merge({ select: rows(50_000, part * 50_000, '2026-01-01 00:00:00Z') }),
      )
  },
  async 'append 100 rows'(lake) {
    await appends(await LakeTable.create(lake, { name: 'trickle', columns: COLUMNS }))
  },
  async 'merge 1,000 random rows'(lake) {
    const movies = await LakeTable.open(lake, MOVIES)
    report('  live files before', movies.snapshot.fileCount, '')
    const select = `SELECT * REPLACE ('movie-' || md5((raw_line * 997 + 1)::VARCHAR) AS movie_id) FROM (${rows(1_000, 0, '2026-02-01 00:00:00Z')})`
    await timed('merge of 1,000 random rows into 1,000,000', () => movies.merge({ select }))
    await timed('the same again (nothing to do)', () => movies.merge({ select }))
  },
  async 'merge 1,000 rows of one file'(lake) {
    const movies = await LakeTable.open(lake, MOVIES)
    await timed('optimize, by key', () => movies.optimize({ target_bytes: 8_000_000, range_by: 'movie_id' }))
    report('  live files', movies.snapshot.fileCount, '')
    await lake.database.withConnection(async (connection) => {
      const near = `FROM (${rows(1_000_000, 0, '2026-03-01 00:00:00Z')}) WHERE movie_id LIKE 'movie-00%' LIMIT 1000`
      await execute(connection, `CREATE TEMP TABLE near AS ${near}`)
      await timed('merge of 1,000 rows near each other by key', () => movies.merge({ select: 'FROM near', connection }))
    })
  },
  async 'delete 1,000 rows'(lake) {
    const movies = await LakeTable.open(lake, MOVIES)
    await timed('delete of 1,000 rows in all files', () => movies.delete({ where: 'raw_line % 1000 = 7' }))
  },
  async 'first load'(lake) {
    const events = await LakeTable.open(lake, { name: 'events' })
    let count = 0
    await timed('first load of 1,000,000 rows', async () => {
      for await (const chunk of events.rowsAt(events.view())) count += chunk.length
    })
    report('  rows', count, '')
  },
}

const MOVIES = { name: 'movies', key: 'movie_id', time: 'updated_at' }

async function main(folder: string, part: string | undefined): Promise<void> {
  if (part === undefined) {
    for (const name of Object.keys(PARTS)) {
      console.log(name)
      spawnSync(process.execPath, [process.argv[1] ?? '', folder, name], { stdio: 'inherit' })
    }
    await rm(folder, { recursive: true, force: true })
    return
  }
  await mkdir(join(folder, 'scratch'), { recursive: true })
  const store = await openFolderStore(join(folder, 'objects'))
  const temporary_path = join(folder, 'spill')
  const database = await openDatabase({ memory_limit_bytes: MEMORY_BYTES, temporary_path })
  await PARTS[part]?.({ store, database, scratch_path: join(folder, 'scratch'), now: Date.now })
  await database.close()
}

async function appends(table: LakeTable): Promise<void> {
  for (const [label, maintained] of [
    ['appends of 100 rows', false],
    ['appends of 100 rows, maintenance every 100', true],
  ] as const) {
    const maintenance = new Maintenance(table)
    const began = performance.now()
    let last_ms = 0
    for (let at = 0; at < 1_000; at++) {
      const start = performance.now()
      await table.append(rows(100, at * 100, '2026-01-01 00:00:00Z'))
      if (at >= 900) last_ms += (performance.now() - start) / 100
      if (maintained && at % 100 === 99) await maintenance.pass()
    }
    report(label, 1_000 / ((performance.now() - began) / 1000), 'commits/s')
    report('  the last hundred', last_ms, 'ms each')
    report('  live files', table.snapshot.fileCount, '')
  }
  await timed('  change feed of 2,000 versions, 200,000 rows', async () => {
    for await (const chunk of table.changes(0, table.version)) if (chunk.length === 0) throw new Error('empty chunk')
  })
}

async function timed(label: string, work: () => Promise<unknown>): Promise<void> {
  const began = performance.now()
  await work()
  report(label, performance.now() - began, 'ms')
}

function report(label: string, value: number, unit: string): void {
  const peak = Math.round(process.resourceUsage().maxRSS / 1000)
  console.log(
    `${label.padEnd(64)} ${value.toFixed(value < 100 ? 1 : 0).padStart(9)} ${unit.padEnd(10)} peak ${peak} MB`,
  )
}

await main(process.argv[2] ?? (await mkdtemp(join(tmpdir(), 'bench-lake-'))), process.argv[3])

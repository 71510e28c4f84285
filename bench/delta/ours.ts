import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DeltaTable } from '@sluice/delta'
import { hyparquetCodec } from '@sluice/delta/hyparquet-codec'
import { type LakeParts, LakeTable, openDatabase } from '@sluice/lake'
import { openFolderStore } from '@sluice/object-store'
import { EVENT_COLUMNS, EVENTS, eventFile, FILE_EVENTS } from './events.ts'
import type { Measured, Part } from './parts.ts'
import {
  CHANGED_ROWS,
  LOG_COMMITS,
  MANY_FILES,
  MOVIE_COLUMNS,
  MOVIE_FILES,
  MOVIE_ROWS,
  MOVIES,
  movieRows,
} from './tables.ts'

/** `ours.ts <folder> <part>`: one measurement by our own code, in a process of its own; prints a `Measured`. */
const [folder = '', part = ''] = process.argv.slice(2)
const TINY_APPENDS = 1_000
const MEMORY_BYTES = 200_000_000

const PARTS: Readonly<Record<Part | 'prepare', () => Promise<Omit<Measured, 'peak_mb'>>>> = {
  prepare,
  'batches-10k': () => batches(1),
  'batches-100k': () => batches(10),
  'tiny-appends': tinyAppends,
  'open-log': () => opened('log'),
  'open-checkpoint': () => opened('checkpointed'),
  'open-many': () => opened('many'),
  async checkpoint() {
    const delta = await deltaTable('unchecked')
    const snapshot = await delta.snapshot()
    return seconds(() => delta.writeCheckpoint(snapshot))
  },
  delete: () =>
    onMovies('deleted', (table) => seconds(() => table.delete({ where: `number % ${MOVIE_ROWS / CHANGED_ROWS} = 7` }))),
  merge: () =>
    onMovies('merged', (table) =>
      seconds(() =>
        table.merge({
          select: `${movieRows(0, MOVIE_ROWS + 1_000, '2026-02-01 00:00:00Z')} WHERE i % ${MOVIE_ROWS / CHANGED_ROWS} = 7`,
        }),
      ),
    ),
}

const measured = await PARTS[part as Part]()
console.log(JSON.stringify({ ...measured, peak_mb: Math.round(process.resourceUsage().maxRSS / 1_000) }))

/** Tables that several parts use. */
async function prepare(): Promise<{ value: number }> {
  await onLake(async (lake) => {
    const movies = await LakeTable.create(lake, { ...MOVIES, columns: MOVIE_COLUMNS })
    const rows = MOVIE_ROWS / MOVIE_FILES
    for (let file = 0; file < MOVIE_FILES; file++)
      await movies.append(movieRows(file * rows, (file + 1) * rows, '2026-01-01 00:00:00Z'))
  })
  await logOf('log', LOG_COMMITS, 1)
  await cp(join(folder, 'objects/lake/log'), join(folder, 'objects/lake/checkpointed'), { recursive: true })
  await cp(join(folder, 'objects/lake/log'), join(folder, 'objects/lake/unchecked'), { recursive: true })
  await cp(join(folder, 'objects/lake/log'), join(folder, 'objects/lake/unchecked-rust'), { recursive: true })
  for (const name of ['checkpointed', 'many']) {
    if (name === 'many') await logOf(name, MANY_FILES / 10_000, 10_000)
    const delta = await deltaTable(name)
    await delta.writeCheckpoint(await delta.snapshot())
  }
  return { value: 0 }
}

/** A log of so many commits of so many files each, which nobody looks for. */
async function logOf(name: string, commits: number, files: number): Promise<void> {
  const delta = await deltaTable(name)
  const fields = EVENT_COLUMNS.map((column) => ({ ...column, nullable: true, metadata: {} }))
  let { snapshot } = await delta.create({ schema: { type: 'struct', fields }, tableId: crypto.randomUUID() })
  for (let at = 0; at < commits; at++) {
    const actions = Array.from({ length: files }, (_, file) => ({ add: fileOf(at * files + file) }))
    snapshot = (await delta.tryCommit(snapshot, { actions, operation: 'WRITE', isBlindAppend: true })).snapshot
  }
}

function fileOf(n: number) {
  const values = (at: string) => ({
    event_id: `0190f1c2-${at}-7000-8000-${String(n).padStart(12, '0')}`,
    user_id: `user-${at}`,
    movie_id: `movie-${at}`,
    watched_at: `2026-01-01T00:00:00.${at.slice(0, 3)}Z`,
    duration_minutes: 120,
    city: 'Berlin',
  })
  const nullCount = { event_id: 0, user_id: 0, movie_id: 0, watched_at: 0, duration_minutes: 0, city: 0 }
  const stats = { numRecords: 1_000, minValues: values('000'), maxValues: values('999'), nullCount }
  const path = `${crypto.randomUUID()}.parquet`
  const add = { path, partitionValues: {}, size: 1_000_000 + n, modificationTime: Date.now(), dataChange: true }
  return { ...add, stats: JSON.stringify(stats) }
}

async function batches(files: number): Promise<{ value: number }> {
  return onLake(async (lake) => {
    const table = await LakeTable.create(lake, { name: `events-${files}`, columns: EVENT_COLUMNS })
    const began = performance.now()
    for (let file = 0; file < EVENTS / FILE_EVENTS; file += files) await table.append(selectOf(file, files))
    return { value: EVENTS / ((performance.now() - began) / 1_000) }
  })
}

async function tinyAppends(): Promise<Omit<Measured, 'peak_mb'>> {
  return onLake(async (lake) => {
    const table = await LakeTable.create(lake, { name: 'tiny', columns: EVENT_COLUMNS })
    const select = `${selectOf(0, 1)} LIMIT 100`
    const times: number[] = []
    await lake.database.withConnection(async (connection) => {
      await connection.run(`CREATE TEMP TABLE batch AS ${select}`)
      for (let at = 0; at < TINY_APPENDS; at++) {
        const began = performance.now()
        await table.append('FROM batch', { connection })
        times.push(performance.now() - began)
      }
    })
    const mean = (part: readonly number[]) => part.reduce((sum, time) => sum + time, 0) / part.length
    const value = 1_000 / mean(times)
    return { value, first_ms: mean(times.slice(0, 100)), last_ms: mean(times.slice(-100)) }
  })
}

function selectOf(file: number, files: number): string {
  const paths = Array.from({ length: files }, (_, at) => `'${eventFile(join(folder, 'events'), file + at)}'`)
  const types: Record<string, string> = { timestamp: 'TIMESTAMPTZ', integer: 'INTEGER', string: 'VARCHAR' }
  const columns = EVENT_COLUMNS.map(({ name, type }) => `${name}: '${types[type]}'`)
  return `FROM read_json([${paths.join(', ')}], format = 'newline_delimited', columns = {${columns.join(', ')}})`
}

async function opened(name: string): Promise<{ value: number }> {
  const delta = await deltaTable(name)
  return seconds(() => delta.snapshot())
}

async function onMovies<T>(name: string, work: (table: LakeTable) => Promise<T>): Promise<T> {
  const objects = join(folder, 'objects/lake')
  await rm(join(objects, name), { recursive: true, force: true })
  await cp(join(objects, 'movies'), join(objects, name), { recursive: true })
  return onLake(async (lake) => work(await LakeTable.open(lake, { ...MOVIES, name })))
}

async function onLake<T>(work: (lake: LakeParts) => Promise<T>): Promise<T> {
  const scratch_path = join(folder, 'scratch')
  await mkdir(scratch_path, { recursive: true })
  const store = await openFolderStore(join(folder, 'objects'))
  const temporary_path = join(folder, 'spill')
  const database = await openDatabase({ memory_limit_bytes: MEMORY_BYTES, threads: 2, temporary_path })
  try {
    return await work({ store, database, scratch_path, now: Date.now })
  } finally {
    await database.close()
  }
}

async function deltaTable(name: string): Promise<DeltaTable> {
  const store = await openFolderStore(join(folder, 'objects'))
  return new DeltaTable({ store, root: `lake/${name}`, codec: hyparquetCodec })
}

async function seconds(work: () => Promise<unknown>): Promise<{ value: number }> {
  const began = performance.now()
  await work()
  return { value: (performance.now() - began) / 1_000 }
}

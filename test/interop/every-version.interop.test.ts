import { LakeTable, type WriteOutcome } from '@sluice/lake'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeEngines } from './describe-engines.ts'
import type { HistoryRow, PlainRow } from './engine-session.ts'
import { type LakeFolder, openLakeFolder, ourRows, selectOf, texts } from './lake-folder.ts'
import { COLUMNS, films, MOVIES } from './movies.ts'

const COUNTRY = { name: 'country', type: 'string' } as const
const WIDER = [...COLUMNS, COUNTRY]
/** Spark tells a commit's time by its file, in milliseconds of the file system. */
const CLOCK_MS = 5_000

await describeEngines('delta-rs, Spark and DuckDB', (session) => {
  let folder: LakeFolder
  let table: LakeTable
  let path: string
  /** Our rows, by version. */
  const ours: string[][] = []

  beforeAll(async () => {
    folder = await openLakeFolder()
    table = await LakeTable.create(folder.lake, { ...MOVIES, columns: COLUMNS })
    path = folder.pathOf(MOVIES.name)
    await wentThroughAllOperations()
  })
  afterAll(() => folder.close())

  async function wentThroughAllOperations(): Promise<void> {
    const step = async (operation: () => Promise<WriteOutcome>) => {
      expect((await operation()).kind).toBe('committed')
      ours.push(await ourRows(table))
    }
    const merged = (from: number, to: number, round: number, columns = COLUMNS) =>
      step(() => table.merge({ select: selectOf(films(from, to, round), columns) }))
    ours.push(await ourRows(table))
    await step(() => table.append(selectOf(films(0, 60, 1), COLUMNS)))
    await step(() => table.append(selectOf(films(60, 120, 1), COLUMNS)))
    await merged(50, 130, 2)
    await step(() => table.update({ where: 'views IS NULL' }, { views: '-1', title: "'?' || title" }))
    await step(() => table.delete({ column: 'movie_id', values: ['movie-3', 'movie-66', 'movie-129'] }))
    await step(() => table.delete({ where: "price < 20 OR title LIKE '%x'" }))
    await step(async () => table.restore(await table.at({ version: 3 })))
    await table.delta.writeCheckpoint(table.snapshot)
    await step(() => table.optimize())
    await merged(0, 40, 3)
    await step(() => table.addColumns([COUNTRY]))
    await step(() =>
      table.append(
        selectOf(
          films(200, 240, 4).map((row, at) => ({ ...row, country: `c${at % 3}` })),
          WIDER,
        ),
      ),
    )
    await step(() => table.update({ where: "country = 'c1'" }, { country: 'NULL' }))
    await step(() => table.overwrite(selectOf(films(0, 150, 5), WIDER)))
    await table.delta.writeCheckpoint(table.snapshot)
    await merged(140, 160, 6, WIDER)
    await step(() => table.delete({ where: 'true' }))
    await merged(0, 30, 7, WIDER)
    await step(() => table.optimize())
  }

  it('start', async () => {
    expect(await session.call('spark', 'start')).toMatch(/^\d/)
    expect(await session.call('delta_rs', 'protocol', { path })).toEqual([1, 4])
  })

  for (const [name, engine, call] of [
    ['delta-rs', 'delta_rs', 'rows'],
    ['DuckDB', 'delta_rs', 'duckdb_rows'],
    ['Spark', 'spark', 'rows'],
  ] as const)
    it(`${name} reads the rows of every version`, async () => {
      expect(ours.length).toBe(table.version + 1)
      for (const [version, rows] of ours.entries())
        expect(texts(await session.call<PlainRow[]>(engine, call, { path, version })), `version ${version}`).toEqual(
          rows,
        )
    })

  it('see our history', async () => {
    const mine = (await table.history()).map(({ version, operation, timestamp_ms }) => ({
      version,
      operation,
      timestamp_ms,
    }))
    const rust = await session.call<HistoryRow[]>('delta_rs', 'history', { path })
    expect(rust).toEqual(mine)
    const spark = await session.call<HistoryRow[]>('spark', 'history', { path })
    expect(spark.map(({ version, operation }) => ({ version, operation }))).toEqual(
      mine.map(({ version, operation }) => ({ version, operation })),
    )
    for (const [at, { timestamp_ms }] of spark.entries())
      expect(Math.abs(timestamp_ms - (mine[at]?.timestamp_ms ?? 0))).toBeLessThan(CLOCK_MS)
  })

  for (const engine of ['delta_rs', 'spark'] as const)
    it(`${engine === 'spark' ? 'Spark' : 'delta-rs'} makes each version of the one before it by our change feed`, async () => {
      const feed = await session.call<PlainRow[]>(engine, 'changes', { path, start: 1, end: table.version })
      expect(feed.length).toBeGreaterThan(0)
      for (let version = 1; version <= table.version; version++) {
        const changes = feed.filter((row) => Number(row['_commit_version']) === version)
        expect(applied(ours[version - 1] ?? [], changes), `version ${version}`).toEqual(ours[version])
      }
    })

  it('read on after vacuum and log clean-up', async () => {
    const { deleted } = await table.vacuum({ retention_ms: 0, orphan_ms: 0 })
    expect(deleted.length).toBeGreaterThan(5)
    await table.delta.writeCheckpoint(table.snapshot)
    const cleaned = await table.delta.cleanLog({ retention_ms: 0 })
    expect(cleaned.deleted.length).toBeGreaterThan(5)
    for (const engine of ['delta_rs', 'spark'] as const) {
      expect(texts(await session.call<PlainRow[]>(engine, 'rows', { path }))).toEqual(ours[table.version])
      expect(await session.call(engine, 'version', { path })).toBe(table.version)
    }
  })
})

/** Rows after the changes of one version; throws if a row that goes is not there. */
function applied(rows: readonly string[], changes: readonly PlainRow[]): string[] {
  const bag = new Map<string, number>()
  for (const row of rows) bag.set(row, (bag.get(row) ?? 0) + 1)
  for (const leaves of [true, false])
    for (const { _change_type, _commit_version, _commit_timestamp, ...row } of changes) {
      const kind = String(_change_type)
      if ((kind === 'delete' || kind === 'update_preimage') !== leaves) continue
      const [text = ''] = texts([row])
      const count = (bag.get(text) ?? 0) + (leaves ? -1 : 1)
      if (count < 0) throw new Error(`${kind} of a row that is not there: ${text}`)
      bag.set(text, count)
    }
  return [...bag].flatMap(([row, count]) => Array<string>(count).fill(row)).sort()
}

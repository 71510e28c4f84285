import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { queryRows } from '../../src/duckdb/index.ts'
import { upperBound } from '../../src/table/file-statistics.ts'
import { LakeTable } from '../../src/table/index.ts'
import { compareText, mayHoldRange, mayHoldText } from '../../src/table/key-bounds.ts'
import { type LakeWorld, MOVIES, openWorld, selectOf } from './lake-world.ts'

const ROW = {
  movie_id: 'it\'s "1"\\',
  title: 'a\u{1F600}\n',
  views: '9007199254740993',
  price: '-1.05',
  cast: ['x', null],
  updated_at: '2026-01-02T03:04:05.678901Z',
  event_id: 'e1',
  received_at: '1969-12-31T23:59:59.999999Z',
}

async function bufferOf(path: string): Promise<ArrayBuffer> {
  return new Uint8Array(await readFile(path)).buffer
}

describe('files of a table, read by another Parquet reader', () => {
  let world: LakeWorld
  beforeEach(async () => {
    world = await openWorld('folder')
  })
  afterEach(() => world.close())

  it('hold the rows as they came, instants UTC-adjusted in microseconds, decimals and lists as Delta wants them', async () => {
    const table = await LakeTable.create(world.lake, { name: 'movies', columns: MOVIES })
    await table.append(selectOf([ROW]))
    const [path] = await table.view().paths()
    const file = await bufferOf(path!)
    const [row] = await parquetReadObjects({ file, compressors, utf8: true })
    expect(row).toMatchObject({ movie_id: ROW.movie_id, title: ROW.title, views: 9007199254740993n, cast: ['x', null] })
    expect(row?.['price']).toBeCloseTo(-1.05)
    const { schema, row_groups } = parquetMetadata(file)
    const updated = schema.find(({ name }) => name === 'updated_at')
    expect(updated?.logical_type).toMatchObject({ type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' })
    expect(schema.find(({ name }) => name === 'price')).toMatchObject({
      converted_type: 'DECIMAL',
      precision: 12,
      scale: 2,
    })
    expect(row_groups[0]?.columns[0]?.meta_data?.codec).toBe('ZSTD')
  })

  it('have statistics that bound every value, digit by digit', async () => {
    const table = await LakeTable.create(world.lake, { name: 'movies', columns: MOVIES })
    const long = `${'k'.repeat(60)}z`
    await table.append(
      selectOf([ROW, { ...ROW, movie_id: long, views: null, updated_at: '2026-01-02T03:04:05.678001Z' }]),
    )
    const [file] = table.view().files()
    expect(file?.stats).toContain('"views":9007199254740993')
    const stats = JSON.parse(file?.stats ?? '')
    expect(stats.numRecords).toBe(2)
    expect(stats.nullCount).toMatchObject({ views: 1, movie_id: 0 })
    expect(stats.minValues).toMatchObject({
      movie_id: ROW.movie_id,
      updated_at: '2026-01-02T03:04:05.678Z',
      price: -1.05,
    })
    expect(stats.maxValues.updated_at).toBe('2026-01-02T03:04:05.679Z')
    expect(stats.maxValues.received_at).toBe('1970-01-01T00:00:00.000Z')
    expect(stats.maxValues.movie_id).toBe(`${'k'.repeat(47)}l`)
    expect(stats.minValues).not.toHaveProperty('cast')
  })

  it('hold a change file with before and after of every row a merge changed, and no change file for inserts alone', async () => {
    const table = await LakeTable.create(world.lake, {
      name: 'movies',
      columns: MOVIES,
      key: 'movie_id',
      time: 'updated_at',
    })
    await table.merge({ select: selectOf([ROW, { ...ROW, movie_id: 'other' }]) })
    const inserts = await table.delta.readCommit(1)
    expect(inserts?.actions.some((action) => 'cdc' in action)).toBe(false)
    await table.merge({
      select: selectOf([
        { ...ROW, event_id: 'e2' },
        { ...ROW, movie_id: 'new' },
      ]),
    })
    const commit = await table.delta.readCommit(2)
    const change = commit?.actions.flatMap((action) => ('cdc' in action ? [action.cdc] : []))[0]
    const file = await bufferOf(await world.store.localPath(table.key(change!.path)))
    const rows = await parquetReadObjects({ file, compressors })
    expect(rows.map((row) => `${row['_change_type']} ${row['movie_id']} ${row['event_id']}`).sort()).toEqual([
      'insert new e1',
      `update_postimage ${ROW.movie_id} e2`,
      `update_preimage ${ROW.movie_id} e1`,
    ])
  })
})

describe('a merge into files too large to be read whole', () => {
  it('rewrites those that hold a replaced key and leaves the others where they are', async () => {
    const world = await openWorld('folder')
    try {
      const use = { name: 'movies', columns: MOVIES, key: 'movie_id', time: 'updated_at' }
      const table = await LakeTable.create(world.lake, use)
      const rows = (first: number, count: number, hour: number, step = 1) =>
        `SELECT 'm' || lpad((${first} + i * ${step})::VARCHAR, 6, '0') AS movie_id, uuid()::VARCHAR || uuid() AS title, 'e${hour}-' || i AS event_id,
           TIMESTAMPTZ '2026-01-01 0${hour}:00:00Z' AS updated_at FROM range(${count}) AS r(i)`
      for (let part = 0; part < 4; part++) await table.merge({ select: rows(part * 6_000, 6_000, 1) })
      // Keys of both ends reach over the third file by its bounds, but not by its keys.
      await table.merge({ select: `${rows(0, 100, 0, 120)} UNION ALL ${rows(23_000, 100, 2)}` })
      const before = table
        .view()
        .files()
        .map(({ path }) => path)
      const outcome = await table.merge({
        select: `${rows(5_990, 20, 3)} UNION ALL SELECT * REPLACE (movie_id || 'x' AS movie_id) FROM (${rows(13_000, 5, 3)})`,
      })
      expect(outcome).toMatchObject({ kind: 'committed', rows: { inserted: 5, updated: 20 } })
      const kept = table
        .view()
        .files()
        .filter(({ path }) => before.includes(path))
      expect(kept.length).toBe(before.length - 2)
      const [counts] = await world.database.withConnection(async (connection) =>
        queryRows(
          connection,
          `SELECT count(*) AS rows, count(DISTINCT movie_id) AS keys, count(*) FILTER (event_id LIKE 'e3-%') AS newest,
             count(*) FILTER (event_id LIKE 'e0-%') AS oldest FROM ${await table.view().relation()}`,
        ),
      )
      expect(counts).toEqual({ rows: 24_005, keys: 24_005, newest: 25, oldest: 0 })
    } finally {
      await world.close()
    }
  })
})

describe('bounds of strings', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 }).filter((value) => value.isWellFormed())

  it('never lie: nothing between a file’s smallest and greatest text is said not to be there', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), text, (values, other) => {
        const sorted = [...values].sort(compareText)
        expect(sorted).toEqual([...values].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
        const cut = (value: string) => [...value].slice(0, 48).join('')
        const max = upperBound(sorted.at(-1)!)
        const stats = JSON.stringify({
          minValues: { k: cut(sorted[0]!) },
          maxValues: max === undefined ? {} : { k: max },
        })
        const file = { path: 'f', partitionValues: {}, size: 1, modificationTime: 0, dataChange: true, stats }
        for (const value of values) expect(mayHoldText(file, 'k', [other, value].sort(compareText))).toBe(true)
        expect(mayHoldRange(file, 'k', sorted[0]!, sorted.at(-1)!)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('of 32 characters from another writer are open upwards', () => {
    const stats = JSON.stringify({ minValues: { k: 'a' }, maxValues: { k: 'm'.repeat(32) } })
    const file = { path: 'f', partitionValues: {}, size: 1, modificationTime: 0, dataChange: true, stats }
    expect(mayHoldText(file, 'k', [`${'m'.repeat(32)}z`])).toBe(true)
    expect(mayHoldText(file, 'k', ['A'])).toBe(false)
  })
})

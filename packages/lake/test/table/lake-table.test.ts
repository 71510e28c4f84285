import { DeltaTable } from '@sluice/delta'
import { hyparquetCodec } from '@sluice/delta/hyparquet-codec'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DuckdbError } from '../../src/duckdb/index.ts'
import { LakeError, LakeTable } from '../../src/table/index.ts'
import { type LakeWorld, MOVIES, openWorld, type PlainMovie, rowsOf, selectOf } from './lake-world.ts'

const movie = (id: string, at = '2026-01-01T00:00:00.000000Z'): PlainMovie => ({
  movie_id: id,
  title: null,
  views: null,
  price: null,
  cast: null,
  updated_at: at,
  event_id: `e-${id}`,
  received_at: at,
})

describe('a lake table', () => {
  let world: LakeWorld
  beforeEach(async () => {
    world = await openWorld('folder')
  })
  afterEach(() => world.close())

  const plain = () => LakeTable.create(world.lake, { name: 'movies', columns: MOVIES })

  it('is created once, at version 0, readable by reader 1 and with the change data feed on', async () => {
    const table = await plain()
    const again = await plain()
    expect(again.table_id).toBe(table.table_id)
    expect(again.version).toBe(0)
    expect(table.snapshot.protocol).toMatchObject({ minReaderVersion: 1, minWriterVersion: 4 })
    expect(table.snapshot.properties.changeDataFeed).toBe(true)
  })

  it('an older version that is there and damaged is told as damaged, not as gone', async () => {
    const table = await plain()
    for (const id of ['a', 'b', 'c']) await table.append(selectOf([movie(id)]))
    await expect(table.at({ version: 9 })).rejects.toMatchObject({ name: 'LakeError', code: 'version_not_found' })
    await world.store.put('lake/movies/_delta_log/00000000000000000001.json', Buffer.from('{"add":{"pa'))
    await expect(table.at({ version: 1 })).rejects.toMatchObject({ name: 'DeltaError', code: 'invalid_log' })
    await world.store.delete(['lake/movies/_delta_log/00000000000000000001.json'])
    await expect(table.at({ version: 1 })).rejects.toMatchObject({ name: 'LakeError', code: 'version_gone' })
  })

  it('gives no rows of the right types while it is empty', async () => {
    const table = await plain()
    expect(await rowsOf(table)).toEqual([])
    const types = await world.database.withConnection(async (connection) => {
      const reader = await connection.runAndReadAll(`FROM ${await table.view().relation()}`)
      return reader.columnTypes().map(String)
    })
    expect(types).toEqual([
      'VARCHAR',
      'VARCHAR',
      'BIGINT',
      'DECIMAL(12,2)',
      'VARCHAR[]',
      'TIMESTAMP WITH TIME ZONE',
      'VARCHAR',
      'TIMESTAMP WITH TIME ZONE',
    ])
  })

  it('gets a column that a type has gained, NULL in rows written before and in SELECTs that lack it', async () => {
    const table = await plain()
    await table.append(selectOf([movie('old')]))
    const widened = await LakeTable.create(world.lake, {
      name: 'movies',
      columns: [...MOVIES, { name: 'stars', type: 'integer' }],
    })
    await widened.append(`SELECT *, 5 AS stars FROM (${selectOf([movie('new')])})`)
    await widened.append(selectOf([movie('late')]))
    expect((await rowsOf(widened)).map((row) => [row['movie_id'], row['stars']]).sort()).toEqual([
      ['late', null],
      ['new', 5],
      ['old', null],
    ])
    await table.append(selectOf([movie('stale writer')]))
    expect((await rowsOf(table)).length).toBe(4)
  })

  it('refuses a column that is there with another type or another case', async () => {
    const table = await plain()
    await expect(table.addColumns([{ name: 'title', type: 'integer' }])).rejects.toMatchObject({
      code: 'column_conflict',
    })
    await expect(table.addColumns([{ name: 'Title', type: 'string' }])).rejects.toMatchObject({
      code: 'column_conflict',
    })
    expect((await table.addColumns([{ name: 'title', type: 'string' }])).kind).toBe('unchanged')
  })

  it('refuses rows to be merged that have no key, and merges into a table without one', async () => {
    const table = await LakeTable.create(world.lake, { name: 'keyed', columns: MOVIES, key: 'movie_id' })
    const rows = selectOf([movie('a'), { ...movie('b'), movie_id: null }])
    await expect(table.merge({ select: rows })).rejects.toMatchObject({ code: 'invalid_rows' })
    await expect(table.merge({ select: rows }, { read_whole_bytes: -1 })).rejects.toMatchObject({
      code: 'invalid_rows',
    })
    expect((await table.refresh()).version).toBe(0)
    await expect((await plain()).merge({ select: rows })).rejects.toBeInstanceOf(LakeError)
  })

  it('merges files staged beside it, which never become part of a version', async () => {
    const table = await LakeTable.create(world.lake, {
      name: 'keyed',
      columns: MOVIES,
      key: 'movie_id',
      time: 'updated_at',
    })
    const stage = (rows: PlainMovie[]) =>
      world.database.withConnection((connection) => table.writeFile(connection, selectOf(rows)))
    const first = await stage([movie('a'), movie('b')])
    const second = await stage([movie('a', '2026-01-02T00:00:00.000000Z'), movie('a', '2025-01-02T00:00:00.000000Z')])
    const outcome = await table.merge({ files: [second!, first!] }, { txn: { appId: 'ledger', version: 7, after: -1 } })
    expect(outcome).toMatchObject({ kind: 'committed', version: 1, rows: { inserted: 2, updated: 0 } })
    expect(
      table
        .view()
        .files()
        .map(({ path }) => path),
    ).not.toContain(first!.path)
    expect((await rowsOf(table)).map((row) => row['updated_at']).sort()).toEqual([
      '2026-01-01T00:00:00.000000Z',
      '2026-01-02T00:00:00.000000Z',
    ])
    expect((await table.merge({ files: [first!] }, { txn: { appId: 'ledger', version: 8, after: 6 } })).kind).toBe(
      'conflict',
    )
    expect((await table.merge({ files: [first!] }, { txn: { appId: 'ledger', version: 8, after: 7 } })).kind).toBe(
      'committed',
    )
    expect((await table.refresh()).txn('ledger')).toBe(8)
  })

  it('a merge that fails in the middle leaves no files', async () => {
    const table = await LakeTable.create(world.lake, { name: 'movies', columns: MOVIES, key: 'movie_id' })
    await table.merge({ select: selectOf([movie('a'), movie('b')]) })
    const keys = async () => (await Array.fromAsync(world.store.list('lake/movies/'))).map(({ key }) => key)
    const before = await keys()
    const write = table.write.bind(table)
    let writes = 0
    table.write = (...given) => {
      if (++writes > 1) throw new DuckdbError('out_of_memory', 'the memory is used up')
      return write(...given)
    }
    await expect(table.merge({ select: selectOf([movie('b', '2026-01-02T00:00:00.000000Z')]) })).rejects.toMatchObject({
      code: 'out_of_memory',
    })
    expect(writes).toBe(2)
    expect(await keys()).toEqual(before)
  })

  it('says which version added a file, and reads older versions by number and by instant', async () => {
    const table = await plain()
    world.clock.now_ms += 60_000
    await table.append(selectOf([movie('a')]))
    const [file] = table.view().files()
    const then_ms = world.clock.now_ms
    world.clock.now_ms += 60_000
    await table.append(selectOf([movie('b')]))
    expect(await table.versionOfFile(file!.path)).toBe(1)
    expect(await table.versionOfFile('nowhere.parquet')).toBeUndefined()
    expect((await rowsOf(table, await table.at({ timestamp_ms: then_ms }))).length).toBe(1)
    expect((await rowsOf(table, await table.at({ version: 0 }))).length).toBe(0)
    await expect(table.at({ version: 99 })).rejects.toMatchObject({ code: 'version_not_found' })
    await expect(table.changes(1, 99).next()).rejects.toMatchObject({ code: 'version_not_found' })
  })

  it('keeps the files of a dry run of vacuum, and those that somebody asks to keep', async () => {
    const table = await plain()
    const orphan = await world.database.withConnection((connection) =>
      table.writeFile(connection, selectOf([movie('a')])),
    )
    const other = await world.database.withConnection((connection) =>
      table.writeFile(connection, selectOf([movie('b')])),
    )
    world.clock.now_ms += 60_000
    const choice = { retention_ms: 0, orphan_ms: 0, keep: (path: string) => path === other!.path }
    expect((await table.vacuum({ ...choice, dry_run: true })).deleted).toEqual([table.key(orphan!.path)])
    expect(await world.store.head(table.key(orphan!.path))).toBeDefined()
    expect((await table.vacuum({ retention_ms: 0 })).deleted).toEqual([])
    await table.vacuum(choice)
    expect(await world.store.head(table.key(orphan!.path))).toBeUndefined()
    expect(await world.store.head(table.key(other!.path))).toBeDefined()
  })

  it('refuses tables with partitions by name', async () => {
    const table = await plain()
    const foreign = new DeltaTable({ store: world.store, root: 'lake/foreign', codec: hyparquetCodec })
    await foreign.create({
      schema: table.snapshot.schema,
      tableId: 'c8e1b1e0-0000-4000-8000-000000000000',
      partitionColumns: ['title'],
    })
    const opened = await LakeTable.open(world.lake, { name: 'foreign' })
    expect(() => opened.view()).toThrow(/partitions/)
    await expect(LakeTable.open(world.lake, { name: 'nothing' })).rejects.toMatchObject({ code: 'table_not_found' })
  })
})

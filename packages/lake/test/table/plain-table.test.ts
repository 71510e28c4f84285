import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LakeTable, schemaOf } from '../../src/table/index.ts'
import { type LakeWorld, MOVIES, openWorld, selectOf } from './lake-world.ts'

const PLAIN = { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['appendOnly', 'invariants'] }
const WITH_VECTORS = {
  minReaderVersion: 3,
  minWriterVersion: 7,
  readerFeatures: ['deletionVectors'],
  writerFeatures: ['deletionVectors'],
}
const VECTOR = { storageType: 'i', pathOrInlineDv: 'vBn[lx{q8@P<9BNH/isA', sizeInBytes: 40, cardinality: 2 }

const metaData = (more: object = {}) => ({
  metaData: {
    id: 'c8e1b1e0-0000-4000-8000-000000000000',
    format: { provider: 'parquet', options: {} },
    schemaString: JSON.stringify(schemaOf(MOVIES)),
    partitionColumns: [],
    configuration: {},
    ...more,
  },
})
const MAPPED = { configuration: { 'delta.columnMapping.mode': 'name' } }
const file = (path: string, more: object = {}) => ({ path, partitionValues: {}, size: 1, dataChange: true, ...more })
const add = (path: string, more: object = {}) => ({ add: { ...file(path, more), modificationTime: 1 } })
const remove = (path: string, more: object = {}) => ({ remove: { ...file(path, more), deletionTimestamp: 1 } })

describe('the history of a table that another engine wrote', () => {
  let world: LakeWorld
  beforeEach(async () => {
    world = await openWorld('folder')
  })
  afterEach(() => world.close())

  /** Opens a table of these commits. */
  async function tableOf(...commits: object[][]): Promise<LakeTable> {
    for (const [version, actions] of commits.entries())
      await world.store.put(
        `lake/foreign/_delta_log/${String(version).padStart(20, '0')}.json`,
        new TextEncoder().encode(actions.map((action) => JSON.stringify(action)).join('\n')),
      )
    return LakeTable.open(world.lake, { name: 'foreign', identity: ['movie_id'] })
  }

  async function refused(table: LakeTable, from: number, what: RegExp): Promise<void> {
    const read = (async () => {
      for await (const _chunk of table.changes(from, table.version));
    })()
    await expect(read).rejects.toMatchObject({ code: 'unsupported', message: expect.stringMatching(what) })
  }

  it('is no list of changes where a deletion vector took rows out of a file, be it rewritten since', async () => {
    const table = await tableOf(
      [{ protocol: WITH_VECTORS }, metaData()],
      [add('a')],
      [remove('a'), add('a', { deletionVector: VECTOR })],
      [remove('a', { deletionVector: VECTOR, dataChange: false }), add('b', { dataChange: false })],
    )
    expect(table.view().files().length).toBe(1)
    await refused(table, 0, /deletion vectors/)
    await refused(table, 1, /deletion vectors/)
    for await (const chunk of table.changes(2, 3)) expect(chunk).toEqual([])
  })

  it('is none where files were of partitions', async () => {
    const partitioned = { partitionValues: { title: 'x' } }
    const table = await tableOf(
      [{ protocol: PLAIN }, metaData({ partitionColumns: ['title'] })],
      [add('a', partitioned)],
      [metaData(), remove('a', partitioned), add('b')],
    )
    await refused(table, 0, /partitions/)
    await refused(table, 1, /partitions/)
  })

  it('is none where columns were mapped, of which only the version before tells', async () => {
    const table = await tableOf(
      [{ protocol: { minReaderVersion: 2, minWriterVersion: 5 } }, metaData(MAPPED)],
      [add('a')],
      [metaData({ configuration: {} }), { protocol: { ...PLAIN, writerFeatures: ['checkpointProtection'] } }],
      [add('b')],
    )
    await refused(table, 0, /column mapping/)
  })

  it('is none, nor are its rows, where a column has a name that means something else to who reads them', async () => {
    const columns = [...MOVIES, { name: '_Version', type: 'long' } as const]
    const table = await tableOf(
      [{ protocol: PLAIN }, metaData({ schemaString: JSON.stringify(schemaOf(columns)) })],
      [],
    )
    await refused(table, 0, /a column _Version/)
    expect(() => table.view()).toThrow(/a column _Version/)
    await expect(
      LakeTable.create(world.lake, { name: 'own', columns: [{ name: 'file_row_number', type: 'long' }] }),
    ).rejects.toMatchObject({ code: 'unsupported' })
    const struct = schemaOf([{ name: '__proto__', type: 'long' }])
    await expect(
      LakeTable.create(world.lake, { name: 'own', columns: [{ name: 's', type: struct }] }),
    ).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('__proto__') })
    const own = await LakeTable.create(world.lake, { name: 'own', columns: MOVIES })
    await expect(own.addColumns([{ name: 'file_index', type: 'long' }])).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('is not written on while it has what lake tables have not', async () => {
    const columns = { schemaString: JSON.stringify(schemaOf(MOVIES)), partitionColumns: ['title'] }
    const table = await tableOf([{ protocol: PLAIN }, metaData(columns)])
    const row = { movie_id: 'm', title: 't', event_id: 'e' }
    await expect(table.append(selectOf([row]))).rejects.toMatchObject({ code: 'unsupported' })
    await expect(table.overwrite(selectOf([row]))).rejects.toMatchObject({ code: 'unsupported' })
    expect((await table.delta.snapshot()).version).toBe(0)
  })
})

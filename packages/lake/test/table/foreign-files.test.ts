import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { execute } from '../../src/duckdb/index.ts'
import { LakeTable } from '../../src/table/index.ts'
import { type LakeWorld, openWorld, rowsOf } from './lake-world.ts'

const COLUMNS = [
  { name: 'event_id', type: 'string' },
  { name: 'views', type: 'long' },
  { name: 'day', type: 'date' },
  { name: 'at', type: 'timestamp' },
] as const
const PLAIN = `'e' AS event_id, 1::INTEGER AS "Views", DATE '1582-10-15' AS day, TIMESTAMPTZ '1900-01-01 00:00:00Z' AS at`
const OLD_SPARK = `, KV_METADATA {"org.apache.spark.version": '2.4.8'}`

describe('a file that another engine added', () => {
  let world: LakeWorld
  beforeEach(async () => {
    world = await openWorld('folder')
  })
  afterEach(() => world.close())

  /** A table of one file with the columns of a SELECT. */
  async function tableOf(select: string, options = ''): Promise<LakeTable> {
    const table = await LakeTable.create(world.lake, { name: 'foreign', columns: COLUMNS })
    const local = join(world.lake.scratch_path, 'part-0.parquet')
    const copy = `COPY (SELECT ${select}) TO '${local}' (FORMAT parquet${options})`
    await world.database.withConnection((connection) => execute(connection, copy))
    const bytes = await readFile(local)
    await world.store.put(table.key('part-0.parquet'), bytes)
    const file = { path: 'part-0.parquet', partitionValues: {}, size: bytes.length, modificationTime: 1 }
    const actions = [{ add: { ...file, dataChange: true } }]
    await table.delta.commit(table.snapshot, { actions, operation: 'WRITE', reads: { kind: 'nothing' } })
    await table.refresh()
    return table
  }

  async function refused(select: string, message: RegExp, options = ''): Promise<void> {
    const table = await tableOf(select, options)
    const refusal = { code: 'unsupported', message: expect.stringMatching(message) }
    await expect(rowsOf(table)).rejects.toMatchObject(refusal)
    const changes = (async () => {
      for await (const _chunk of table.changes(0, 1));
    })()
    await expect(changes).rejects.toMatchObject(refusal)
  }

  it('is read with columns in another case, of a narrower type, or left out', async () => {
    const table = await tableOf(PLAIN)
    const [row] = await rowsOf(table)
    expect(row).toEqual({ event_id: 'e', views: '1', day: '1582-10-15', at: '1900-01-01T00:00:00.000000Z' })
    expect((await rowsOf(table)).length).toBe(1)
  })

  it('is refused where a cast would change its values', () =>
    refused(`'e' AS event_id, 1.7::DOUBLE AS views`, /DOUBLE/))

  it('is refused where its texts are bytes, which a cast would escape', () =>
    refused(String.raw`'\xC3\xA9'::BLOB AS event_id`, /column event_id: should be "string" and is BYTE_ARRAY/))

  it('of an old Spark is read where its days are the same in both calendars', async () => {
    expect(await rowsOf(await tableOf(PLAIN, OLD_SPARK))).toMatchObject([{ day: '1582-10-15' }])
  })

  it('of an old Spark is refused where they may not be', () =>
    refused(`'e' AS event_id, DATE '1582-10-14' AS day`, /column day: has days before 1582/, OLD_SPARK))

  it('of an old Spark is refused where its instants may not be', () =>
    refused(`'e' AS event_id, TIMESTAMPTZ '1899-12-31 23:59:59Z' AS at`, /column at: has instants/, OLD_SPARK))
})

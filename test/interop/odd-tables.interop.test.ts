import { type DeltaStore, DeltaTable } from '@sluice/delta'
import { hyparquetCodec } from '@sluice/delta/hyparquet-codec'
import { readRows } from '@sluice/delta/hyparquet-rows'
import { LakeTable } from '@sluice/lake'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeEngines } from './describe-engines.ts'
import type { PlainRow } from './engine-session.ts'
import { type LakeFolder, openLakeFolder, ourRows, texts } from './lake-folder.ts'

const VECTORS = "'delta.enableDeletionVectors'='true'"

await describeEngines('Tables of Spark with what ours never have', (session) => {
  let folder: LakeFolder
  beforeAll(async () => {
    folder = await openLakeFolder()
  })
  afterAll(() => folder.close())

  /** Runs statements about a table, which they call `{t}`. */
  async function made(name: string, ...statements: string[]): Promise<void> {
    for (const text of statements)
      await session.call('spark', 'sql', { text: text.replaceAll('{t}', `delta.\`${folder.pathOf(name)}\``) })
  }

  /** The rows by the plain reader, the same as Spark's. */
  async function agree(name: string): Promise<Record<string, unknown>[]> {
    const store: DeltaStore = folder.lake.store
    const snapshot = await new DeltaTable({ store, root: `lake/${name}`, codec: hyparquetCodec }).snapshot()
    const rows: Record<string, unknown>[] = []
    for await (const batch of readRows(snapshot, store)) rows.push(...batch)
    const theirs = await session.call<PlainRow[]>('spark', 'rows', { path: folder.pathOf(name) })
    expect(nested(rows)).toEqual(nested(theirs))
    return rows
  }

  const open = (name: string) => LakeTable.open(folder.lake, { name, identity: ['id'] })

  it('are read: mapped columns that swapped names, wider types, deletion vectors, checkpoints of version 2', async () => {
    await made(
      'mapped',
      `CREATE TABLE {t} (id INT, a INT, b STRING, s STRUCT<x: INT, \`y.z\`: STRING>, m MAP<BIGINT, STRING>, p STRING)
         USING delta PARTITIONED BY (p) TBLPROPERTIES ('delta.columnMapping.mode'='id', ${VECTORS},
         'delta.enableTypeWidening'='true', 'delta.checkpointPolicy'='v2', 'delta.checkpointInterval'='3')`,
      `INSERT INTO {t} SELECT id, id * 2, concat('b', id), named_struct('x', id, 'y.z', 'z'), map(id, NULL),
         concat('p %/', id % 3) FROM range(0, 20, 1, 1)`,
      'DELETE FROM {t} WHERE id % 5 = 1',
      'ALTER TABLE {t} RENAME COLUMN a TO c',
      'ALTER TABLE {t} RENAME COLUMN b TO a',
      'ALTER TABLE {t} ALTER COLUMN s.x TYPE BIGINT',
      'ALTER TABLE {t} DROP COLUMN s.`y.z`',
      'ALTER TABLE {t} ADD COLUMN b DOUBLE',
      `INSERT INTO {t} VALUES (100, 1, 'new', named_struct('x', 5000000000), map(9007199254740993, ''), NULL, 0.5)`,
      'DELETE FROM {t} WHERE id % 7 = 0',
    )
    expect((await agree('mapped')).length).toBe(14)
    const table = await open('mapped')
    expect(() => table.view()).toThrow(expect.objectContaining({ code: 'unsupported' }))
  })

  it('are read: names that mean something to JavaScript, and columns in another case', async () => {
    await made(
      'names',
      'CREATE TABLE {t} (id INT, `__proto__` STRING, `a.b` INT, a STRUCT<b: INT, `__proto__`: INT>) USING delta',
      `INSERT INTO {t} VALUES (1, 'text', 2, named_struct('b', 3, '__proto__', 4))`,
    )
    const [row] = await agree('names')
    expect(Object.keys(row ?? {})).toEqual(['id', '__proto__', 'a.b', 'a'])
  })

  it('are no list of changes where a deletion vector was, though it is purged', async () => {
    await made(
      'purged',
      `CREATE TABLE {t} (id INT) USING delta TBLPROPERTIES (${VECTORS})`,
      'INSERT INTO {t} SELECT id FROM range(0, 10, 1, 1)',
      'DELETE FROM {t} WHERE id = 3',
      'REORG TABLE {t} APPLY (PURGE)',
    )
    const table = await open('purged')
    expect(await ourRows(table)).toEqual(
      texts(await session.call<PlainRow[]>('spark', 'rows', { path: folder.pathOf('purged') })),
    )
    await expect(table.changes(0, table.version).next()).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('are refused where Spark counts days by the Julian calendar', async () => {
    const mode = 'spark.sql.parquet.datetimeRebaseModeInWrite'
    await made(
      'ancient',
      'CREATE TABLE {t} (id INT, d DATE) USING delta',
      `SET ${mode}=LEGACY`,
      `INSERT INTO {t} VALUES (1, DATE'1582-10-04')`,
      `RESET ${mode}`,
    )
    await expect(agree('ancient')).rejects.toMatchObject({ code: 'unsupported_feature', feature: 'Julian calendar' })
    await expect(ourRows(await open('ancient'))).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('are refused where they have a type that is none of ours', async () => {
    await made('variant', 'CREATE TABLE {t} (id INT, v VARIANT) USING delta')
    await expect(open('variant')).rejects.toMatchObject({ code: 'unsupported_feature', feature: 'variantType' })
  })
})

/** Rows as sorted texts, whatever the order of members; numbers as texts. */
function nested(rows: readonly object[]): string[] {
  return rows.map((row) => JSON.stringify(ordered(row))).sort()
}

function ordered(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .map(([name, member]) => [name, ordered(member)])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
}

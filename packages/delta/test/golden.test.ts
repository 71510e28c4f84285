import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dataFileKey, encodePath } from '../src/data-path.ts'
import { DeltaError } from '../src/delta-error.ts'
import { DeltaTable } from '../src/delta-table.ts'
import { hyparquetCodec } from '../src/hyparquet-codec.ts'
import { readRows } from '../src/hyparquet-rows.ts'
import { Replay } from '../src/reconciliation.ts'
import { Snapshot } from '../src/snapshot.ts'
import type { Value } from '../src/value.ts'
import { FolderStore } from './folder-store.ts'
import { goldenFolder, goldenTables, noGoldenTables } from './golden-tables.ts'
import { add, paths } from './tables.ts'

const strict = process.env['SLUICE_TEST_STRICT'] === '1'

/** Tables without expected rows, and what must come out instead. */
const SPECIAL: Record<string, (open: () => Promise<Snapshot>, table: DeltaTable) => Promise<void>> = {
  'canonicalized-paths-normal-a': async (open) => expect((await open()).fileCount).toBe(0),
  'canonicalized-paths-special-a': async (open) => expect((await open()).fileCount).toBe(0),
  checkpoint: async (open) => {
    const snapshot = await open()
    expect([snapshot.version, paths(snapshot.files())]).toEqual([14, ['15']])
  },
  'data-reader-absolute-paths-escaped-chars': async (open, table) => {
    await refused(open, 'missing_metadata')
    const [outside, inside] = [await table.readCommit(0), await table.readCommit(1)].map((commit) =>
      (commit?.actions ?? []).flatMap((action) => ('add' in action ? [action.add.path] : [])),
    )
    expect(inside?.map((path) => dataFileKey('delta', path))).toEqual(['delta/bar-bar.snappy.parquet'])
    expect(() => dataFileKey('delta', outside?.[0] ?? '')).toThrow(/leaves the table's folder/)
  },
  'delete-re-add-same-file-different-transactions': async (open) =>
    expect(paths((await open()).files())).toContain('foo'),
  'deltalog-state-reconstruction-from-checkpoint-missing-metadata': (open) => refused(open, 'missing_metadata'),
  'deltalog-state-reconstruction-without-metadata': (open) => refused(open, 'missing_metadata'),
  'versions-not-contiguous': (open) => refused(open, 'missing_version'),
}

/** Tables whose newest version has no rows. */
const EMPTY = ['deltalog-getChanges', 'log-replay-special-characters-a']

/** Partition instants without a zone are UTC for us (2021-09-08T11:11:11Z); the rows were written by an engine in another. */
const REZONED: Record<string, [string, string]> = {
  'data-reader-partition-values': ['1631124671000000n', `${Date.UTC(2021, 8, 8, 11, 11, 11)}000n`],
}

/** Features of golden tables that are not supported: none. */
const UNSUPPORTED: readonly string[] = []

describe.skipIf(goldenTables.length === 0 && !strict)(
  `golden tables of other engines${goldenTables.length === 0 ? ` (${noGoldenTables})` : ''}`,
  () => {
    it('are there', () => expect(goldenTables).not.toEqual([]))

    for (const name of goldenTables)
      it(`${name} reads as expected`, async () => {
        const store = new FolderStore(join(goldenFolder, name))
        const table = new DeltaTable({ store, root: 'delta', codec: hyparquetCodec })
        const special = SPECIAL[name]
        if (special) return special(() => table.snapshot(), table)
        let snapshot: Snapshot
        try {
          snapshot = await table.snapshot()
        } catch (error) {
          expect(error instanceof DeltaError && UNSUPPORTED.includes(error.feature ?? ''), String(error)).toBe(true)
          return
        }
        const actual = await rowsOf(readRows(snapshot, store))
        const expected = (await expectedRows(snapshot, store)).map((row) =>
          row.replaceAll(...(REZONED[name] ?? ['', ''])),
        )
        expect(actual).toEqual(expected)
        expect(expected.length > 0).toBe(!EMPTY.includes(name))
      })
  },
)

async function refused(open: () => Promise<Snapshot>, code: string): Promise<void> {
  const error = await open().catch((thrown: unknown) => thrown)
  expect(error instanceof DeltaError && error.code).toBe(code)
}

/** The expected rows are plain Parquet files with the table's display names: a table of their own. */
async function expectedRows(snapshot: Snapshot, store: FolderStore): Promise<string[]> {
  const replay = new Replay()
  const schemaString = JSON.stringify(snapshot.schema)
  const metaData = {
    id: 'expected',
    format: { provider: 'parquet' },
    schemaString,
    partitionColumns: [],
    configuration: {},
  }
  replay.apply([{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }])
  for await (const { key } of store.list('expected/'))
    if (key.endsWith('.parquet')) replay.apply([add(encodePath(key.slice('expected/'.length)))])
  const at = { root: 'expected', version: 0, timestamp_ms: 0, confirmed_at_ms: 0 }
  return rowsOf(readRows(new Snapshot(at, replay.finish()), store))
}

async function rowsOf(batches: AsyncIterable<Record<string, Value>[]>): Promise<string[]> {
  const rows: string[] = []
  for await (const batch of batches) for (const row of batch) rows.push(JSON.stringify(row, exact))
  return rows.sort()
}

const exact = (_name: string, value: unknown) =>
  typeof value === 'bigint' ? `${value}n` : value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value

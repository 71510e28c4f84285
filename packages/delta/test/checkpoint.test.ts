import { expect, it } from 'vitest'
import { MemoryStore } from './memory-store.ts'
import { add, counters, define, paths, remove, tableOn } from './tables.ts'

const HINT = 'lake/t/_delta_log/_last_checkpoint'

async function tableWithHistory() {
  const store = new MemoryStore()
  const clock = counters()
  const table = tableOn(store, clock)
  let { snapshot } = await table.create(define)
  for (let at = 1; at <= 5; at++)
    snapshot = (
      await table.tryCommit(snapshot, {
        actions: [
          add(`f${at}`, { stats: `{"numRecords":${at}}`, partitionValues: {}, tags: { a: 'b', none: null } }),
          { txn: { appId: 'app', version: at, lastUpdated: at } },
          ...(at === 4
            ? [remove('f1', { deletionTimestamp: snapshot.timestamp_ms, size: 100, partitionValues: {} })]
            : []),
        ],
        operation: 'WRITE',
      })
    ).snapshot
  return { store, table, snapshot, clock }
}

it('a table opened through its checkpoint is the same as through its log', async () => {
  const { store, table, snapshot } = await tableWithHistory()
  expect(await table.writeCheckpoint(snapshot)).toMatchObject({ kind: 'written' })
  for (let version = 0; version < 5; version++)
    await store.delete([`lake/t/_delta_log/${String(version).padStart(20, '0')}.json`])
  const opened = await table.snapshot()
  expect(opened.version).toBe(5)
  expect(opened.timestamp_ms).toBe(snapshot.timestamp_ms)
  expect([...opened.files()]).toEqual([...snapshot.files()].map((file) => ({ ...file, dataChange: false })))
  expect([...opened.tombstones()]).toEqual([...snapshot.tombstones()].map((file) => ({ ...file, dataChange: false })))
  expect(opened.txn('app')).toBe(5)
  expect(opened.metadata).toEqual(snapshot.metadata)
  expect(opened.protocol).toEqual(snapshot.protocol)
})

it('the hint of the last checkpoint never goes back', async () => {
  const { store, table, snapshot } = await tableWithHistory()
  const old = await table.snapshot(2)
  await table.writeCheckpoint(snapshot)
  await table.writeCheckpoint(old)
  expect(JSON.parse(new TextDecoder().decode(await store.get(HINT)))).toMatchObject({ version: 5, numOfAddFiles: 4 })
  expect((await table.snapshot()).version).toBe(5)
  expect(paths((await table.snapshot(3)).files())).toEqual(['f1', 'f2', 'f3'])
})

it('a hint to a checkpoint that is gone, or a damaged hint, means list again', async () => {
  const { store, table, snapshot } = await tableWithHistory()
  await table.writeCheckpoint(snapshot)
  await store.delete(['lake/t/_delta_log/00000000000000000005.checkpoint.parquet'])
  expect(paths((await table.snapshot()).files())).toEqual(['f2', 'f3', 'f4', 'f5'])
  for (const text of ['', '{', 'null', '{"version":-1}', '{"version":9e99}', '{"version":3,"checksum":"0"}']) {
    store.text(HINT, text)
    expect((await table.snapshot()).version).toBe(5)
  }
})

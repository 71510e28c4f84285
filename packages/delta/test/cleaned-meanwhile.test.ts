import { expect, it } from 'vitest'
import type { DeltaTable } from '../src/delta-table.ts'
import { commitKey } from '../src/log-path.ts'
import type { Snapshot } from '../src/snapshot.ts'
import { MemoryStore } from './memory-store.ts'
import { add, define, tableOn } from './tables.ts'

const HOUR_MS = 3_600_000
const NEWEST = 6

/** Cleans the log up just before a certain entry is read, once. Until then its listings end before that entry. */
class CleanedStore extends MemoryStore {
  before: string | undefined
  clean = async () => {}

  override async get(key: string, range?: { start: number; end: number }): Promise<Uint8Array | undefined> {
    if (key === this.before) {
      this.before = undefined
      await this.clean()
    }
    return super.get(key, range)
  }

  override async *list(prefix: string, options: { start_after?: string; limit?: number } = {}) {
    for await (const object of super.list(prefix, options))
      if (this.before === undefined || object.key < this.before) yield object
  }
}

/** Six old versions; whoever asks for version 3 finds that all before the newest are gone, behind a checkpoint. */
async function world(): Promise<{ table: DeltaTable; store: CleanedStore; first: Snapshot; newest: Snapshot }> {
  const store = new CleanedStore()
  const clock = { now_ms: 1_700_000_000_000 }
  const table = tableOn(store, { now: () => clock.now_ms })
  const first = (await table.create(define)).snapshot
  let newest = first
  for (let version = 1; version <= NEWEST; version++)
    newest = (await table.tryCommit(newest, { actions: [add(`f${version}`)], operation: 'WRITE' })).snapshot
  clock.now_ms += 2 * HOUR_MS
  store.clean = async () => {
    await table.writeCheckpoint(newest)
    await table.cleanLog({ retention_ms: HOUR_MS })
  }
  store.before = commitKey('lake/t', 3)
  return { table, store, first, newest }
}

it('a table whose log is cleaned up while it is opened from an old listing is opened at its newest version', async () => {
  const { table, store } = await world()
  const opened = await table.snapshot()
  expect([opened.version, opened.fileCount]).toEqual([NEWEST, NEWEST])
  expect(store.objects.has(commitKey('lake/t', 2))).toBe(false)
})

it('a table whose log is cleaned up while an old snapshot follows it is followed to its newest version', async () => {
  const { table, first } = await world()
  expect((await table.update(first)).version).toBe(NEWEST)
})

it('a version that was cleaned up while it is opened is missing, and no other is said to be the newest', async () => {
  const { table } = await world()
  await expect(table.snapshot(5)).rejects.toThrow(/version 5 was cleaned up; 6 is still there/)
})

it('a writer with an old snapshot whose winners are cleaned up while it reads them has to open the table again', async () => {
  const { table, first, newest } = await world()
  const late = table.tryCommit(first, { actions: [add('late')], operation: 'WRITE' })
  await expect(late).rejects.toMatchObject({ code: 'snapshot_expired', retryable: true })
  expect((await table.tryCommit(newest, { actions: [add('late')], operation: 'WRITE' })).kind).toBe('committed')
})

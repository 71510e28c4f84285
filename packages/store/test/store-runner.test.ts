import { loadEventTypes } from '@sluice/events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  type RowChange,
  routedTables,
  type SourceTable,
  type StoredTable,
  StoreError,
  StoreRunner,
  VersionGone,
} from '../src/index.ts'
import { MemoryStore } from './memory-store.ts'

const CHUNK = 2
/** What is waited for comes at once on a free machine, and on a busy one in seconds. */
const WITHIN_MS = 10_000

/** A table whose versions are lists of changes. */
class FakeSource implements SourceTable {
  readonly stored: StoredTable
  table_id = 'first'
  versions: RowChange[][] = [[]]
  /** Versions up to here were cleaned up. */
  cleaned = -1
  pins: number[] = []
  /** Steps read: from, to. */
  reads: [number, number][] = []

  constructor(stored: StoredTable) {
    this.stored = stored
  }

  head = async () => ({ table_id: this.table_id, version: this.versions.length - 1, timestamp_ms: 0 })
  pin = async (version: number) => {
    this.pins.push(version)
  }

  async *changes(from: number, to: number): AsyncIterable<RowChange[]> {
    this.reads.push([from, to])
    if (from >= 0 && from < this.cleaned) throw new VersionGone(`version ${from + 1} was cleaned up`)
    const rows = new Map<string, RowChange>()
    for (const change of this.versions.slice(from < 0 ? 0 : from + 1, to + 1).flat()) rows.set(change.identity, change)
    const net = [...rows.values()].filter(({ op }) => from >= 0 || op === 'upsert')
    for (let at = 0; at < net.length; at += CHUNK) yield net.slice(at, at + CHUNK)
  }

  put(...ids: string[]): void {
    const version = this.versions.length
    this.versions.push(
      ids.map((identity) => ({ op: 'upsert', identity, version, row: { event_id: identity, version } })),
    )
  }

  remove(...ids: string[]): void {
    const version = this.versions.length
    this.versions.push(ids.map((identity) => ({ op: 'delete', identity, version, row: { event_id: identity } })))
  }
}

let store: MemoryStore
let source: FakeSource
let runner: StoreRunner
let now = 0
const events = { advanced: vi.fn(), refused: vi.fn(), failed: vi.fn(), reloading: vi.fn() }

beforeEach(async () => {
  const [likes] = routedTables(await loadEventTypes(), 'postgres').filter(({ table }) => table === 'likes')
  if (!likes) throw new Error('there is no table likes')
  vi.clearAllMocks()
  now = 0
  store = new MemoryStore()
  source = new FakeSource(likes)
  runner = new StoreRunner({ store, sources: [source], events, now: () => now, poll_ms: 5 })
})
afterEach(() => runner.stop())

const equal = (...ids: string[]) =>
  vi.waitFor(() => {
    expect(store.place['likes']).toEqual({ table_id: source.table_id, version: source.versions.length - 1 })
    expect([...store.rows.keys()].sort()).toEqual(ids)
  }, WITHIN_MS)

test('a first load and the live flow after it bring the store to the newest version', async () => {
  source.put('a', 'b', 'c')
  runner.start()
  await equal('a', 'b', 'c')
  source.put('d')
  source.remove('a')
  runner.wake('likes')
  await equal('b', 'c', 'd')
  expect(runner.state()).toMatchObject({ state: 'running', tables: [{ table: 'likes', version: 3, head: 3 }] })
})

test('many versions are taken in one step', async () => {
  runner.start()
  await equal()
  await runner.pause()
  for (let i = 0; i < 50; i++) source.put('same')
  const before = store.batches.length
  await runner.resume()
  await equal('same')
  expect(store.batches.length).toBe(before + 1)
})

test('a step that was cut off goes on after its last chunk', async () => {
  source.put('a', 'b', 'c', 'd', 'e')
  let applied = 0
  store.before = () => {
    if (++applied === 3) throw new StoreError('failed', 'the power went')
  }
  runner.start()
  await vi.waitFor(() => expect(applied).toBe(3), WITHIN_MS)
  expect(store.place['likes']).toEqual({ table_id: 'first', version: -1, step: { target: 1, chunks: 2 } })
  await runner.stop()
  runner = new StoreRunner({ store, sources: [source], events, now: () => now, poll_ms: 5 })
  runner.start()
  await equal('a', 'b', 'c', 'd', 'e')
  expect(store.batches.map(({ changes }) => changes.length)).toEqual([2, 2, 1])
})

test('passing faults are tried again; the state tells them', async () => {
  store.faults = [1, 2, 3].map(() => new StoreError('unreachable', 'gone fishing', { retryable: true }))
  source.put('a')
  runner.start()
  await equal('a')
  expect(events.failed).toHaveBeenCalled()
  expect(runner.state().error).toBeUndefined()
})

test('a row that is refused for good is told, and holds nothing up', async () => {
  store.refuses.add('b')
  source.put('a', 'b', 'c')
  runner.start()
  await equal('a', 'c')
  expect(events.refused).toHaveBeenCalledWith('likes', [{ identity: 'b', event_id: 'b', reason: 'too odd' }])
})

test('another sink that was quicker is believed', async () => {
  source.put('a')
  runner.start()
  await equal('a')
  source.put('b')
  store.place = { likes: { table_id: 'first', version: 2 } }
  store.rows.set('b', {})
  runner.wake()
  await equal('a', 'b')
})

test('versions that were cleaned up, another table id, and data that is gone are reasons to load anew', async () => {
  source.put('a')
  runner.start()
  await equal('a')
  await runner.pause()
  source.put('b')
  source.cleaned = 2
  await runner.resume()
  await equal('a', 'b')
  expect(events.reloading).toHaveBeenCalledTimes(1)

  source.table_id = 'second'
  source.versions = [[]]
  source.put('z')
  runner.wake()
  await equal('z')
  expect(events.reloading).toHaveBeenCalledTimes(2)

  store.rows.clear()
  store.place = {}
  now += 60_000
  runner.wake()
  await equal('z')
})

test('a table is reloaded from a version that is asked for, then on to the newest', async () => {
  source.put('a')
  source.put('b')
  runner.start()
  await equal('a', 'b')
  source.reads = []
  await runner.reload('likes', 1)
  await vi.waitFor(
    () =>
      expect(source.reads).toEqual([
        [-1, 1],
        [1, 2],
      ]),
    WITHIN_MS,
  )
  await equal('a', 'b')
  await expect(runner.reload('nothing')).rejects.toThrow('gets no table nothing')
})

test.each([
  [true, 3_000],
  [false, 15_000],
])('a table that cannot be read is read again: passing %s, after %i ms', async (retryable, again_in_ms) => {
  const fault = Object.assign(new Error('the object store is away'), { retryable })
  source.head = () => Promise.reject(fault)
  runner.start()
  await vi.waitFor(() => expect(events.failed).toHaveBeenCalledWith('likes', fault, again_in_ms), WITHIN_MS)
})

test('while it is paused nothing is applied', async () => {
  runner.start()
  await equal()
  await runner.pause()
  source.put('a')
  runner.wake()
  expect(runner.state().state).toBe('paused')
  await runner.resume()
  await equal('a')
  expect(store.batches.filter(({ changes }) => changes.length > 0)).toHaveLength(1)
})

test('a table that goes on changing is caught up with in fewer steps than it has versions', async () => {
  await runner.stop()
  // All versions must be there before the time is over, on a busy machine too.
  runner = new StoreRunner({ store, sources: [source], events, now: () => now, poll_ms: 5, every_ms: 2_000 })
  source.put('a')
  runner.start()
  await equal('a')
  for (const id of ['b', 'c', 'd']) {
    source.put(id)
    runner.wake('likes')
    // Time enough to be read, if it were not put off.
    for (let turn = 0; turn < 20; turn++) await new Promise((resume) => setImmediate(resume))
  }
  await equal('a', 'b', 'c', 'd')
  expect(source.reads).toEqual([
    [-1, 1],
    [1, 4],
  ])
})

test('a reload waits for a store that is away, and says until when the store has not forgotten', async () => {
  source.put('a')
  runner.start()
  await equal('a')
  const forget = store.forget.bind(store)
  let away = true
  store.forget = async (table) => {
    if (away) throw new StoreError('unreachable', 'away', { retryable: true })
    await forget(table)
  }
  await runner.reload()
  await vi.waitFor(() => expect(runner.state().error).toBe('away'), WITHIN_MS)
  expect(runner.forgets).toBe(true)
  away = false
  await vi.waitFor(() => expect(runner.forgets).toBe(false), WITHIN_MS)
  await equal('a')
})

import { describe, expect, it } from 'vitest'
import { MemoryStore } from './memory-store.ts'
import { add, counters, define, paths, remove, SCHEMA, TABLE_ID, tableOn } from './tables.ts'

describe('a new table', () => {
  it('opens as it was created', async () => {
    const store = new MemoryStore()
    const created = await tableOn(store).create(define)
    const snapshot = await tableOn(store).snapshot()
    expect(created.kind).toBe('created')
    expect(snapshot.version).toBe(0)
    expect(snapshot.tableId).toBe(TABLE_ID)
    expect(snapshot.schema).toEqual(SCHEMA)
    expect(snapshot.protocol).toEqual({ minReaderVersion: 1, minWriterVersion: 4 })
    expect(snapshot.timestamp_ms).toBe(created.snapshot.timestamp_ms)
  })

  it('that exists already is opened and left as it is', async () => {
    const store = new MemoryStore()
    const clock = counters()
    await tableOn(store, clock).create(define)
    const again = await tableOn(store, clock).create({ ...define, tableId: 'another' })
    expect(again.kind).toBe('exists')
    expect(again.snapshot.tableId).toBe(TABLE_ID)
  })

  it('is not made where the first entries of another were cleaned up', async () => {
    const store = new MemoryStore()
    const clock = counters()
    const table = tableOn(store, clock)
    let { snapshot } = await table.create(define)
    for (const name of ['a', 'b'])
      snapshot = (await table.tryCommit(snapshot, { actions: [add(name)], operation: 'WRITE' })).snapshot
    await table.writeCheckpoint(snapshot)
    expect((await table.cleanLog({ retention_ms: 0 })).deleted.length).toBe(2)
    const again = await tableOn(store, clock).create({ ...define, tableId: 'another' })
    expect([again.kind, again.snapshot.version, again.snapshot.tableId]).toEqual(['exists', 2, TABLE_ID])
  })
})

describe('tryCommit', () => {
  it('on a warm snapshot is one put and nothing else', async () => {
    const store = new MemoryStore()
    const table = tableOn(store)
    const { snapshot } = await table.create(define)
    store.calls.length = 0
    const outcome = await table.tryCommit(snapshot, { actions: [add('a')], operation: 'WRITE' })
    expect(outcome.kind).toBe('committed')
    expect(store.calls).toEqual(['put lake/t/_delta_log/00000000000000000001.json'])
    expect(paths(outcome.snapshot.files())).toEqual(['a'])
    expect(paths(snapshot.files())).toEqual([])
  })

  it('that loses tells every winner and the newest snapshot, and writes nothing', async () => {
    const store = new MemoryStore()
    const clock = counters()
    const table = tableOn(store, clock)
    const { snapshot } = await table.create(define)
    let other = snapshot
    for (const name of ['a', 'b', 'c']) {
      const won = await table.tryCommit(other, {
        actions: [add(name), { txn: { appId: 'log/1', version: 2n ** 60n + BigInt(other.version) } }],
        operation: 'WRITE',
        commitInfo: { sluice: { plan: [name] } },
      })
      other = won.snapshot
    }
    const outcome = await table.tryCommit(snapshot, { actions: [remove('a')], operation: 'DELETE' })
    if (outcome.kind !== 'lost') throw new Error('should have lost')
    expect(outcome.winners.map(({ version, commitInfo }) => [version, commitInfo?.['sluice']])).toEqual([
      [1, { plan: ['a'] }],
      [2, { plan: ['b'] }],
      [3, { plan: ['c'] }],
    ])
    expect(outcome.snapshot.version).toBe(3)
    expect(outcome.snapshot.txn('log/1')).toBe(2n ** 60n + 2n)
    expect(paths(outcome.snapshot.files())).toEqual(['a', 'b', 'c'])
    expect((await table.snapshot()).timestamp_ms).toBe(outcome.snapshot.timestamp_ms)
  })

  it('gives every version a later time than the one before although the clock goes back', async () => {
    let clock = 5_000_000
    const table = tableOn(new MemoryStore(), { ...counters(), now: () => (clock -= 1_000) })
    let { snapshot } = await table.create(define)
    const times = [snapshot.timestamp_ms]
    for (const name of ['a', 'b']) {
      snapshot = (await table.tryCommit(snapshot, { actions: [add(name)], operation: 'WRITE' })).snapshot
      times.push(snapshot.timestamp_ms)
    }
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(new Set(times).size).toBe(3)
  })
})

describe('update', () => {
  it('of an unchanged table is one read', async () => {
    const store = new MemoryStore()
    const table = tableOn(store)
    const { snapshot } = await table.create(define)
    store.calls.length = 0
    expect((await table.update(snapshot)).version).toBe(0)
    expect(store.calls).toEqual(['get lake/t/_delta_log/00000000000000000001.json'])
  })
})

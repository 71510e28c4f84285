import { describe, expect, it } from 'vitest'
import { Ledger } from '../../src/ledger/ledger.ts'
import { markOf } from '../../src/ledger/log-mark.ts'
import { batchOf, fileOf, openLedgerWorld } from './ledger-world.ts'

const covering = (partition: number, from: number, next: number) =>
  new Map([[partition, { from: BigInt(from), next: BigInt(next) }]])
const append = (path: string) => ({ kind: 'append' as const, files: [fileOf(path)] })
const DAY_MS = 86_400_000

describe('Ledger', () => {
  it('a batch whose partition another worker moved is fenced, and nothing of it is written', async () => {
    const world = await openLedgerWorld()
    const [mine, other] = [await world.open(), await world.open()]
    await world.decide(other, 0, 5)
    const outcome = await mine.commit(covering(0, 0, 3), batchOf(fileOf('late')), 'types', mine.version)
    expect(outcome).toEqual({ kind: 'fenced', partition: 0, expected: 0n, actual: 5n })
    expect([...(await world.delta.snapshot()).files()].map(({ path }) => path)).toEqual(['part-0'])
  })

  it('a batch that was judged against an older version has lost the race, even if its worker has read on since', async () => {
    const world = await openLedgerWorld()
    const [mine, other] = [await world.open(), await world.open()]
    const judged_at = mine.version
    await world.decide(other, 1, 5)
    await mine.refresh()
    const outcome = await mine.commit(covering(0, 0, 3), batchOf(fileOf('late')), 'types', judged_at)
    expect(outcome).toEqual({ kind: 'lost' })
  })

  it('a read that is overtaken by a commit of its own does not take it back', async () => {
    const world = await openLedgerWorld()
    const [mine, other] = [await world.open(), await world.open()]
    await world.decide(other, 1, 5)
    let go = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    let held = 0
    world.faults.before = (operation, key) =>
      operation === 'get' && key.endsWith('02.json') && held++ === 0 ? gate : undefined
    const slow = mine.refresh()
    await world.decide(mine, 0, 3)
    go()
    await slow
    expect(mine.version).toBe(2)
    expect(mine.nextOffset(0)).toBe(3n)
  })

  it('knows again the last record it decided of a partition, wherever it is opened, and denies any other in its place', async () => {
    const world = await openLedgerWorld()
    const mine = await world.open()
    const record = (partition: number, offset: bigint, text: string) => ({
      partition,
      offset,
      value: Buffer.from(text),
    })
    const decide = (from: bigint, next: bigint, mark?: number) =>
      mine.commit(new Map([[0, { from, next, mark }]]), batchOf(undefined), 'types', mine.version)
    await decide(0n, 1_000n, markOf(record(0, 999n, 'last')))
    for (const ledger of [mine, await world.open()]) {
      expect(ledger.nextOffset(0)).toBe(1_000n)
      expect(ledger.continuedBy(record(0, 999n, 'last'))).toBe(true)
      expect(ledger.continuedBy(record(0, 999n, 'another'))).toBe(false)
      // Of another place or partition it knows nothing.
      expect(ledger.continuedBy(record(0, 998n, 'another'))).toBe(true)
      expect(ledger.continuedBy(record(1, 999n, 'another'))).toBe(true)
    }
    // A worker of an older version moves the offset and leaves the mark.
    await decide(1_000n, 1_001n)
    expect(mine.continuedBy(record(0, 1_000n, 'anything'))).toBe(true)
  })

  it('an idle worker asks for the next log entry and lists nothing, however long nothing comes', async () => {
    const world = await openLedgerWorld()
    const mine = await world.open()
    const asked = { get: 0, list: 0 }
    world.faults.before = (operation) => {
      if (operation === 'get' || operation === 'list') asked[operation]++
    }
    for (let minute = 0; minute < 60; minute++) {
      world.clock.now_ms += 60_000
      await mine.refresh()
    }
    expect(asked).toEqual({ get: 60, list: 0 })
  })

  it('says which files brought receipts since a version; compactions bring none', async () => {
    const world = await openLedgerWorld()
    const [mine, other] = [await world.open(), await world.open()]
    await world.decide(other, 0, 1)
    await world.decide(mine, 1, 1)
    await world.compact(mine.snapshot)
    await world.decide(other, 0, 2)
    await mine.refresh()
    expect((await mine.addedSince(0))?.map(({ path }) => path)).toEqual(['part-0', 'part-1', 'part-3'])
    const later = await world.open()
    expect((await later.addedSince(1))?.map(({ path }) => path)).toEqual(['part-1', 'part-3'])
  })

  it('what clean-up must leave: the newest decision, and plans that a table has not applied', async () => {
    const world = await openLedgerWorld()
    const mine = await world.open()
    await world.decide(mine, 0, 1, { movies: append('m1') })
    await world.decide(mine, 0, 2, { movies: append('m2'), posts: append('p1') })
    await world.decide(mine, 0, 3, { posts: append('p2') })
    await world.compact(mine.snapshot)
    await mine.refresh()
    const applied = (movies: number, posts: number) => (target: string) => (target === 'movies' ? movies : posts)
    expect(mine.version).toBe(4)
    expect(mine.oldestNeeded(applied(2, 3))).toBe(3)
    expect(mine.oldestNeeded(applied(1, 3))).toBe(2)
    expect(mine.oldestNeeded(applied(2, -1))).toBe(0)
  })

  it('can be opened and followed after its log was cleaned behind a compaction, a month later', async () => {
    const world = await openLedgerWorld()
    const [mine, away] = [await world.open(), await world.open()]
    await world.decide(mine, 0, 1, { movies: append('m1') })
    await world.decide(mine, 0, 2, { movies: append('m2') })
    await world.compact(mine.snapshot)
    await mine.refresh()
    world.clock.now_ms += 60 * DAY_MS
    await world.delta.writeCheckpoint(await world.delta.snapshot(2))
    await world.delta.writeCheckpoint(mine.snapshot)
    const pins = [mine.oldestNeeded(() => 2)]
    const { deleted } = await world.delta.cleanLog({ retention_ms: 30 * DAY_MS, pins })
    expect(deleted).toHaveLength(2)
    const later = await world.open()
    expect([later.head('movies'), later.nextOffset(0), later.version]).toEqual([2, 2n, 3])
    await away.refresh()
    expect([away.head('movies'), away.nextOffset(0), away.version]).toEqual([2, 2n, 3])
    expect(await away.addedSince(0)).toBeUndefined()
    expect(await away.unapplied('movies', 0)).toBeUndefined()
    expect((await away.unapplied('movies', 1))?.map(({ version }) => version)).toEqual([2])
  })

  it('refuses a log that was cleaned beyond its newest decision', async () => {
    const world = await openLedgerWorld()
    const mine = await world.open()
    await world.decide(mine, 0, 1)
    await world.compact(mine.snapshot)
    await mine.refresh()
    world.clock.now_ms += 60 * DAY_MS
    await world.delta.writeCheckpoint(mine.snapshot)
    await world.delta.cleanLog({ retention_ms: DAY_MS })
    await expect(Ledger.open(world.delta, { log_epoch: 'e1', now: Date.now })).rejects.toThrow(
      /does not know the ledger/,
    )
  })
})

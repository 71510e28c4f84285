import type { ObjectStore } from '@sluice/object-store'
import { ObjectStoreError } from '@sluice/object-store'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LakeTable } from '../../src/table/index.ts'
import { type LakeWorld, MOVIES, openWorld, type PlainMovie, rowsOf, selectOf } from './lake-world.ts'

const USE = { columns: MOVIES, key: 'movie_id', time: 'updated_at' }

const movie = (key: number, hour: number, event: string): PlainMovie => ({
  movie_id: `m${key}`,
  title: event,
  views: null,
  price: null,
  cast: null,
  updated_at: `2026-01-01T0${hour}:00:00.000000Z`,
  event_id: event,
  received_at: '2026-01-01T00:00:00.000000Z',
})

/** Newest wins over all rows that were ever merged, whatever the order. */
function newest(rows: readonly PlainMovie[]): Map<string, string> {
  const best = new Map<string, PlainMovie>()
  const rank = (row: PlainMovie) => `${row['updated_at']} ${row['event_id']}`
  for (const row of rows) {
    const there = best.get(String(row['movie_id']))
    if (!there || rank(row) > rank(there)) best.set(String(row['movie_id']), row)
  }
  return new Map([...best].map(([key, row]) => [key, String(row['event_id'])]).sort() as [string, string][])
}

const eventsByKey = async (table: LakeTable) => {
  const rows = await rowsOf(table)
  expect(new Set(rows.map((row) => row['movie_id'])).size).toBe(rows.length)
  return new Map(rows.map((row) => [String(row['movie_id']), String(row['event_id'])] as [string, string]).sort())
}

/** Fails some calls before they take effect and loses the answers of others. */
function unreliable(store: ObjectStore, luck: () => number): ObjectStore {
  const shaky = new Set(['putIfAbsent', 'putFile', 'get'])
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      if (!shaky.has(String(name))) return member.bind(target)
      return async (...args: unknown[]) => {
        if (luck() < 0.03) throw new ObjectStoreError('unreachable', `${String(name)} failed`, { retryable: true })
        const result: unknown = await member.apply(target, args)
        if (name !== 'putFile' && luck() < 0.03)
          throw new ObjectStoreError('unreachable', `${String(name)} lost its answer`, { retryable: true })
        return result
      }
    },
  })
}

async function versionsWithoutGaps(table: LakeTable): Promise<void> {
  const versions = (await table.history()).map(({ version }) => version)
  expect(versions).toEqual(Array.from({ length: table.version + 1 }, (_, at) => table.version - at))
}

describe('writers of one table at once', () => {
  it('merge, optimize and vacuum to the newest of each key, in versions without gaps', async () => {
    const world = await openWorld('folder')
    try {
      let serial = 0
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(fc.tuple(fc.nat(30), fc.nat(3)), { minLength: 1, maxLength: 12 }), {
            minLength: 6,
            maxLength: 18,
          }),
          async (batches) => {
            const use = { ...USE, name: `t${serial++}` }
            const writers = [await LakeTable.create(world.lake, use)]
            while (writers.length < 3) writers.push(await LakeTable.open(world.lake, use))
            const merged = batches.map((batch, at) =>
              batch.map(([key, hour], line) => movie(key, hour, `e${at}-${line}`)),
            )
            const queue = [...merged]
            await Promise.all(
              writers.map(async (table, at) => {
                for (let rows = queue.shift(); rows; rows = queue.shift()) {
                  expect(
                    (await table.merge({ select: selectOf(rows) }, { read_whole_bytes: at * 2_000 })).kind,
                  ).not.toBe('conflict')
                  if (at === 2) await table.optimize()
                  if (at === 1) await table.vacuum({ retention_ms: 60_000 })
                }
              }),
            )
            const [table] = writers
            await table!.refresh()
            expect(await eventsByKey(table!)).toEqual(newest(merged.flat()))
            await versionsWithoutGaps(table!)
          },
        ),
        { numRuns: 8 },
      )
    } finally {
      await world.close()
    }
  })

  it('apply each numbered step once, whoever tries it and however often', async () => {
    const world = await openWorld('folder')
    try {
      const use = { ...USE, name: 'stepped' }
      const writers = [await LakeTable.create(world.lake, use), await LakeTable.open(world.lake, use)]
      const outcomes = await Promise.all(
        writers.map(async (table) => {
          const kinds: string[] = []
          for (let version = 0; version < 10; version++) {
            const txn = { appId: 'ledger', version, after: version - 1 }
            const rows = [movie(version, 1, `e${version}`), movie(0, version, `first${version}`)]
            kinds.push((await table.merge({ select: selectOf(rows) }, { txn, read_whole_bytes: 0 })).kind)
          }
          return kinds
        }),
      )
      for (let version = 0; version < 10; version++)
        expect(outcomes.filter((kinds) => kinds[version] === 'committed').length).toBe(1)
      const [table] = writers
      const view = await table!.refresh()
      expect(view.txn('ledger')).toBe(9)
      expect(table!.version).toBe(10)
    } finally {
      await world.close()
    }
  })

  it('lose and double nothing on a store that fails and loses answers', async () => {
    let seed = 7
    const luck = () => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed / 2_147_483_647
    }
    let shaky = false
    const world: LakeWorld = await openWorld('folder', (store) => unreliable(store, () => (shaky ? luck() : 1)))
    try {
      const plain = await LakeTable.create(world.lake, { name: 'plain', columns: MOVIES })
      const keyed = await LakeTable.create(world.lake, { ...USE, name: 'keyed' })
      const all: PlainMovie[] = []
      shaky = true
      for (let version = 0; version < 60; version++) {
        const rows = [movie(version % 7, version % 9, `e${version}`), movie(version, 1, `f${version}`)]
        all.push(...rows)
        const txn = { appId: 'ledger', version, after: version - 1 }
        await untilDone(plain, version, () => plain.append(selectOf(rows), { txn }))
        await untilDone(keyed, version, () => keyed.merge({ select: selectOf(rows) }, { txn, read_whole_bytes: 5_000 }))
        if (version % 20 === 19) await keyed.optimize().catch(() => undefined)
      }
      shaky = false
      await plain.refresh()
      await keyed.refresh()
      expect((await rowsOf(plain)).map((row) => row['event_id']).sort()).toEqual(
        all.map((row) => row['event_id']).sort(),
      )
      expect(await eventsByKey(keyed)).toEqual(newest(all))
    } finally {
      await world.close()
    }
  })
})

/** As a worker does: reads where the table stands and tries the step again until it is there. */
async function untilDone(table: LakeTable, version: number, step: () => Promise<{ kind: string }>): Promise<void> {
  for (let attempt = 0; attempt < 30; attempt++) {
    try {
      if ((await table.refresh()).txn('ledger') === version) return
      await step()
    } catch {}
  }
  expect((await table.refresh()).txn('ledger')).toBe(version)
}

import { utimes } from 'node:fs/promises'
import type { ObjectStore } from '@sluice/object-store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LakeTable } from '../../src/table/index.ts'
import { MAX_PINNED_VERSIONS, pin, pins } from '../../src/table/pins.ts'
import { type LakeWorld, MOVIES, openWorld, rowsOf } from './lake-world.ts'

const HOUR_MS = 3_600_000

describe('vacuum beside a store that stays away', () => {
  let world: LakeWorld
  let asked: string[]

  /** Notes what is asked for; files are as old as the lake's clock says. */
  const watched = (store: ObjectStore): ObjectStore =>
    new Proxy(store, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        if (name === 'list') return member.bind(target)
        return async (...args: unknown[]) => {
          asked.push(String(name))
          const result: unknown = await member.apply(target, args)
          if (name === 'putFile') {
            const at = world.clock.now_ms / 1000
            await utimes(await target.localPath(String(args[0])), at, at)
          }
          return result
        }
      },
    })
  beforeEach(async () => {
    asked = []
    world = await openWorld('folder', watched)
    world.clock.now_ms = Date.now() - 100 * HOUR_MS
  })
  afterEach(() => world.close())

  const use = { name: 'movies', columns: MOVIES, key: 'movie_id', time: 'updated_at' }
  const rows = (count: number, at: number) =>
    `SELECT 'm' || i AS movie_id, ${at} AS views, 'e' || i || '-${at}' AS event_id, TIMESTAMPTZ '2026-01-01 00:00:00Z' + to_seconds(${at}) AS updated_at FROM range(${count}) AS r(i)`

  it('costs a bounded number of requests, however many commits came since its pin', async () => {
    const table = await LakeTable.create(world.lake, use)
    for (let commit = 0; commit < 150; commit++) await table.append(rows(1, commit))
    await table.delta.writeCheckpoint(table.snapshot)
    await table.pin({ owner: 'sink', version: 2, expires_ms: world.clock.now_ms + 90 * HOUR_MS })
    for (const later_ms of [0, 72 * HOUR_MS]) {
      world.clock.now_ms += later_ms
      asked.length = 0
      await table.vacuum()
      expect(asked.filter((name) => name === 'get').length).toBeLessThan(12)
    }
  })

  it('keeps the pinned version and every change after it, long after retention, and nothing else', async () => {
    const table = await LakeTable.create(world.lake, {
      ...use,
      properties: { 'delta.deletedFileRetentionDuration': 'interval 2 hours' },
    })
    // Keys that no merge touches: their file is in the pinned version, and older than it.
    await table.append(
      `SELECT 'a' || i AS movie_id, 0 AS views, 'a' || i AS event_id, now() AS updated_at FROM range(5) AS r(i)`,
    )
    const deleted: number[] = []
    for (let round = 0; round < 24; round++) {
      world.clock.now_ms += HOUR_MS
      await table.merge({ select: rows(3 + round, round) })
      if (round % 5 === 4 && round > 10) await table.optimize()
      if (round === 8)
        await table.pin({ owner: 'sink', version: table.version, expires_ms: world.clock.now_ms + 48 * HOUR_MS })
      await table.delta.writeCheckpoint(table.snapshot)
      // A process that knows of old removals only what a checkpoint keeps of them.
      const cleaner = await LakeTable.open(world.lake, use)
      deleted.push((await cleaner.vacuum({ orphan_ms: HOUR_MS / 2 })).deleted.length)
    }
    const [pinned] = await table.pins()
    const version = pinned?.version ?? expect.fail('there is a pin')
    // What had left before the pin went in its time.
    expect(deleted.slice(0, 12).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0)
    const reader = await LakeTable.open(world.lake, use)
    expect(await rowsOf(reader, await reader.at({ version }))).toHaveLength(11 + 5)
    const seen = new Map<unknown, unknown>()
    for await (const chunk of reader.changes(version, table.version))
      for (const row of chunk) seen.set(row['movie_id'], row['views'])
    expect(seen.size).toBe(26)
    expect(new Set(seen.values())).toEqual(new Set(['23']))

    await table.unpin('sink')
    expect((await table.vacuum({ orphan_ms: HOUR_MS / 2 })).deleted.length).toBeGreaterThan(20)
    expect(await rowsOf(reader)).toHaveLength(26 + 5)
    const other = await LakeTable.open(world.lake, use)
    await expect(other.changes(version, table.version).next()).rejects.toMatchObject({ code: 'version_gone' })
  })

  it('a pin whose log is gone leaves the others what they need', async () => {
    const table = await LakeTable.create(world.lake, {
      ...use,
      properties: { 'delta.deletedFileRetentionDuration': 'interval 2 hours' },
    })
    for (let round = 0; round < 8; round++) {
      world.clock.now_ms += 3 * HOUR_MS
      await table.merge({ select: rows(3, round) })
    }
    await table.delta.writeCheckpoint(table.snapshot)
    const log = await Array.fromAsync(world.store.list(table.key('_delta_log/')))
    await world.store.delete(log.flatMap(({ key }) => (/0000[0-3]\.json$/.test(key) ? [key] : [])))
    const expires_ms = world.clock.now_ms + 48 * HOUR_MS
    await table.pin({ owner: 'lost', version: 1, expires_ms })
    await table.pin({ owner: 'held', version: 5, expires_ms })
    world.clock.now_ms += 30 * HOUR_MS
    await (await LakeTable.open(world.lake, use)).vacuum({ orphan_ms: 0 })
    const reader = await LakeTable.open(world.lake, use)
    const seen = new Set<unknown>()
    for await (const chunk of reader.changes(5, table.version)) for (const row of chunk) seen.add(row['views'])
    expect(seen.size).toBeGreaterThan(0)
  })

  it('a pin that is too many versions behind is broken', async () => {
    const table = { lake: world.lake, key: (path: string) => `lake/busy/${path}`, version: 3 * MAX_PINNED_VERSIONS }
    const expires_ms = world.clock.now_ms + HOUR_MS
    await pin(table, { owner: 'far', version: table.version - MAX_PINNED_VERSIONS - 1, expires_ms })
    await pin(table, { owner: 'near', version: table.version - MAX_PINNED_VERSIONS, expires_ms })
    expect((await pins(table)).map(({ owner }) => owner)).toEqual(['near'])
  })
})

import type { ObjectStore } from '@sluice/object-store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DuckdbError, queryRows } from '../../src/duckdb/index.ts'
import { Maintenance, type MaintenancePass } from '../../src/maintenance/index.ts'
import { LakeTable } from '../../src/table/index.ts'
import { type LakeWorld, MOVIES, openWorld, rowsOf } from '../table/lake-world.ts'

const rows = (count: number, first: number) =>
  `SELECT 'm' || (i + ${first}) AS movie_id, 'e' || (i + ${first}) AS event_id, TIMESTAMPTZ '2026-01-01 00:00:00Z' + to_seconds(i + ${first}) AS updated_at FROM range(${count}) AS r(i)`

/** The same store; the names of its methods are noted as they are called. */
function counting(store: ObjectStore, calls: string[]): ObjectStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        calls.push(String(name))
        return member.apply(target, args)
      }
    },
  })
}

describe('Maintenance', () => {
  let world: LakeWorld
  beforeEach(async () => {
    world = await openWorld('folder')
  })
  afterEach(() => world.close())

  it('keeps a trickle of commits in few files with a checkpoint, and every row', async () => {
    const table = await LakeTable.create(world.lake, { name: 'movies', columns: MOVIES, time: 'updated_at' })
    const maintenance = new Maintenance(table, { checkpoint_every: 50 })
    let most = 0
    for (let commit = 0; commit < 120; commit++) {
      await table.append(rows(3, commit * 3))
      most = Math.max(most, table.snapshot.fileCount)
      if (commit % 10 === 9) await maintenance.pass()
    }
    expect(most).toBeLessThanOrEqual(40)
    expect((await rowsOf(table)).length).toBe(360)
    expect(new Set((await rowsOf(table)).map((row) => row['movie_id'])).size).toBe(360)
    const checkpoints: string[] = []
    for await (const { key } of world.store.list('lake/movies/_delta_log/'))
      if (key.includes('.checkpoint')) checkpoints.push(key)
    expect(checkpoints.length).toBeGreaterThan(0)
    const reopened = await LakeTable.open(world.lake, { name: 'movies' })
    expect(reopened.view().rowCount()).toBe(360)
  })

  it('merges fewer files at once where there is not the memory for more', async () => {
    const table = await LakeTable.create(world.lake, { name: 'movies', columns: MOVIES, time: 'updated_at' })
    for (let commit = 0; commit < 12; commit++) await table.append(rows(3, commit * 3))
    const optimize = table.optimize.bind(table)
    const sizes: number[] = []
    table.optimize = (options = {}) =>
      optimize({
        ...options,
        choose(files) {
          const chosen = options.choose?.(files)
          sizes.push(chosen?.length ?? 0)
          if (chosen && chosen.length > 4) throw new DuckdbError('out_of_memory', 'the memory is used up')
          return chosen
        },
      })
    const { compactions } = await new Maintenance(table).pass()
    expect(sizes).toEqual([12, 6, 3, 6, 3])
    expect(compactions).toMatchObject(Array(2).fill({ files: 3, outcome: 'committed' }))
    expect(new Set((await rowsOf(table)).map((row) => row['movie_id'])).size).toBe(36)
  })

  it('does nothing but look for one log entry when nothing is to do', async () => {
    const calls: string[] = []
    const counted = await openWorld('folder', (store) => counting(store, calls))
    try {
      const table = await LakeTable.create(counted.lake, { name: 'movies', columns: MOVIES })
      await table.append(rows(3, 0))
      const maintenance = new Maintenance(table)
      calls.length = 0
      const pass = await maintenance.pass()
      expect(pass).toEqual({ checkpoint: undefined, compactions: [], log_deleted: 0, files_deleted: 0 })
      expect(calls).toEqual(['get'])
    } finally {
      await counted.close()
    }
  })

  it('cleans files and log beyond retention, but nothing that a pin needs', async () => {
    const table = await LakeTable.create(world.lake, { name: 'movies', columns: MOVIES })
    const policy = {
      checkpoint_every: 1,
      log_retention_ms: 0,
      clean_every_ms: 0,
      vacuum: { retention_ms: 0, orphan_ms: 0 },
    }
    const maintenance = new Maintenance(table, policy)
    for (let commit = 0; commit < 15; commit++) {
      world.clock.now_ms += 1_000
      await table.append(rows(3, commit * 3))
    }
    await table.pin({ owner: 'sink', version: 4, expires_ms: world.clock.now_ms + 3_600_000 })
    world.clock.now_ms += 60_000
    await maintenance.pass()
    let seen = 0
    for await (const chunk of table.changes(4, 15)) seen += chunk.length
    expect(seen).toBe(33)
    expect((await rowsOf(table, await table.at({ version: 4 }))).length).toBe(12)

    world.clock.now_ms += 4_000_000
    await table.append(rows(1, 1_000))
    world.clock.now_ms += 60_000
    const later = await maintenance.pass()
    expect(later.files_deleted).toBeGreaterThan(0)
    expect(later.log_deleted).toBeGreaterThan(0)
    // Another process: this one has the changes in memory still.
    const other = await LakeTable.open(world.lake, { name: 'movies' })
    await expect(other.changes(4, 15).next()).rejects.toMatchObject({ code: 'version_gone' })
    await expect(table.at({ version: 4 })).rejects.toMatchObject({ code: 'version_gone' })
    expect((await rowsOf(table)).length).toBe(46)
  })

  it('deletes no file that waits to be taken in, and none while that is not known', async () => {
    const table = await LakeTable.create(world.lake, { name: 'movies', columns: MOVIES })
    const waiting = await world.database.withConnection((connection) => table.writeFile(connection, rows(3, 0)))
    const path = waiting?.path ?? expect.fail()
    world.clock.now_ms += 3_600_000
    const outcomes: number[] = []
    for (const paths of [undefined, new Set([path]), new Set<string>()]) {
      const vacuum = { retention_ms: 0, orphan_ms: 0 }
      const maintenance = new Maintenance(table, { clean_every_ms: 0, vacuum, waiting: async () => paths })
      outcomes.push((await maintenance.pass()).files_deleted)
    }
    expect(outcomes).toEqual([0, 0, 1])
  })

  it('compacts in turn with merges of the same process: none is done twice', async () => {
    const use = { name: 'movies', columns: MOVIES, key: 'movie_id', time: 'updated_at' }
    const table = await LakeTable.create(world.lake, use)
    const maintenance = new Maintenance(table, { compaction: { fan_in: 2 } })
    const passes: Promise<MaintenancePass>[] = []
    for (let round = 0; round < 10; round++) {
      const merged = table.merge({ select: rows(20, round * 20) }, { txn: { appId: 'test', version: round } })
      passes.push(maintenance.pass())
      expect(await merged).toMatchObject({ kind: 'committed' })
    }
    const compactions = (await Promise.all(passes)).flatMap((pass) => pass.compactions)
    expect(compactions.filter(({ outcome }) => outcome === 'lost')).toEqual([])
    expect((await rowsOf(table)).length).toBe(200)
  })

  it('is harmless beside appends and merges at the same time', async () => {
    const use = { name: 'movies', columns: MOVIES, key: 'movie_id', time: 'updated_at' }
    const tables = [
      await LakeTable.create(world.lake, use),
      await LakeTable.open(world.lake, use),
      await LakeTable.open(world.lake, use),
    ]
    const [one, two, three] = tables as [LakeTable, LakeTable, LakeTable]
    const maintenance = new Maintenance(three, { compaction: { fan_in: 3 } })
    let running = true
    const merging = Promise.all([
      (async () => {
        for (let round = 0; round < 25; round++) await one.merge({ select: rows(20, round * 7) })
      })(),
      (async () => {
        for (let round = 0; round < 25; round++) await two.merge({ select: rows(20, 100 + round * 5) })
      })(),
    ]).finally(() => {
      running = false
    })
    while (running) await maintenance.pass()
    await merging
    await one.refresh()
    const keys = (await rowsOf(one)).map((row) => row['movie_id'])
    expect(keys.length).toBe(new Set(keys).size)
    expect(keys.length).toBe(240)
  })
})

describe('optimize with range_by', () => {
  it('gives each file a range of the column of its own, sorted', async () => {
    const world = await openWorld('folder')
    try {
      const columns = [
        { name: 'id_hash', type: 'long' as const },
        { name: 'event_id', type: 'string' as const },
      ]
      const ledger = await LakeTable.create(world.lake, { name: '_ledger', columns })
      for (let batch = 0; batch < 5; batch++)
        await ledger.append(
          `SELECT 'e' || (i + ${batch * 4000}) AS event_id, hash(i + ${batch * 4000})::HUGEINT - 9223372036854775808 AS id_hash FROM range(4000) AS r(i) ORDER BY id_hash`,
        )
      const bytes = [...ledger.snapshot.files()].reduce((sum, { size }) => sum + size, 0)
      expect((await ledger.optimize({ range_by: 'id_hash', target_bytes: bytes / 4 })).kind).toBe('committed')
      const view = ledger.view()
      expect(view.snapshot.fileCount).toBe(4)
      const ranges = await world.database.withConnection(async (connection) =>
        queryRows(
          connection,
          `SELECT file_index, min(id_hash)::VARCHAR AS least, max(id_hash)::VARCHAR AS greatest, count(*) AS rows,
             bool_and(id_hash >= before) AS sorted
           FROM (SELECT *, coalesce(lag(id_hash) OVER (PARTITION BY file_index ORDER BY file_row_number), id_hash) AS before
             FROM (SELECT file_index, file_row_number, id_hash FROM ${await view.relation()}))
           GROUP BY 1 ORDER BY min(id_hash)`,
        ),
      )
      expect(ranges.reduce((sum, { rows }) => sum + Number(rows), 0)).toBe(20_000)
      for (const [at, range] of ranges.entries()) {
        expect(range['sorted']).toBe(true)
        const before = ranges[at - 1]
        if (before) expect(BigInt(String(range['least']))).toBeGreaterThan(BigInt(String(before['greatest'])))
      }
    } finally {
      await world.close()
    }
  })
})

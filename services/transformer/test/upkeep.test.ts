import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadEventTypes } from '@sluice/events'
import { type Database, Lake, type LakeTable, Ledger, openDatabase } from '@sluice/lake'
import { openMemoryStore } from '@sluice/object-store/memory-store'
import { createLogger } from '@sluice/service'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Upkeep, type UpkeepOptions } from '../src/upkeep.ts'

const HOUR_MS = 3_600_000

describe('upkeep', () => {
  let path: string
  let database: Database
  let lake: Lake
  let ledger: Ledger
  let now_ms: number
  let lines: Record<string, unknown>[]
  let upkeep: Upkeep | undefined

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'upkeep-'))
    await mkdir(join(path, 'scratch'))
    database = await openDatabase({ memory_limit_bytes: 2e8, threads: 1, temporary_path: join(path, 'spill') })
    now_ms = Date.now()
    const now = () => now_ms
    const parts = { store: openMemoryStore(), database, scratch_path: join(path, 'scratch'), now }
    lake = await Lake.open(parts, await loadEventTypes())
    ledger = await Ledger.open(lake.ledger.delta, { log_epoch: 'e1', now })
    lines = []
  })
  afterEach(async () => {
    await upkeep?.stop()
    upkeep = undefined
    await database.close()
    await rm(path, { recursive: true, force: true })
  })

  const start = (options: Pick<UpkeepOptions, 'truncate' | 'failed' | 'rearranged'>) => {
    const log = createLogger({ name: 'test', level: 'silent' })
    for (const level of ['warn', 'error'] as const)
      vi.spyOn(log, level).mockImplementation((fields: unknown) => void lines.push({ level, ...Object(fields) }))
    upkeep = new Upkeep({ lake, ledger, log, every_ms: 1, ...options })
  }

  /** Counts the passes of a table; each begins by reading what others committed. */
  function passesOf(table: LakeTable, refresh = () => Promise.resolve(table.view())): { count: number } {
    const passes = { count: 0 }
    table.refresh = () => {
      passes.count++
      return refresh()
    }
    return passes
  }

  it('a table whose pass fails, and an event log that is not truncated, hold up no other table', async () => {
    const all = lake.all()
    const passes = all.map((table) =>
      table === lake.quarantine
        ? passesOf(table, () => Promise.reject(new Error('there are deletion vectors')))
        : passesOf(table),
    )
    let failed = 0
    const truncate = () => Promise.reject(Object.assign(new Error('the brokers are away'), { retryable: true }))
    start({ truncate, failed: () => failed++ })
    await expect.poll(() => passes.every(({ count }) => count > 0)).toBe(true)
    await expect.poll(() => lines.length).toBeGreaterThanOrEqual(2)
    expect(failed).toBeGreaterThanOrEqual(2)
    expect(lines.find(({ part }) => part === 'quarantine')).toMatchObject({
      level: 'error',
      err: { message: 'there are deletion vectors' },
    })
    expect(lines.find(({ part }) => part === 'event log')).toMatchObject({
      level: 'warn',
      reason: 'the brokers are away',
    })
    // It is left alone for longer and longer, and looked at again all the same.
    const failing = passes[all.indexOf(lake.quarantine)]
    const before = failing?.count ?? 0
    now_ms += 600_000
    await expect.poll(() => failing?.count).toBeGreaterThan(before)
  })

  it('a table at rest has a pass now and then, for what its last writers removed', async () => {
    const table = lake.tables.get('movies') ?? expect.fail('there is such a table')
    const passes = passesOf(table)
    const others = passesOf(lake.tables.get('likes') ?? expect.fail('there is such a table'))
    start({})
    await expect.poll(() => [passes.count, others.count]).toEqual([1, 1])
    for (let hour = 0; hour < 2; hour++) {
      const before = [passes.count, others.count]
      now_ms += HOUR_MS
      await expect.poll(() => [passes.count, others.count].every((count, at) => count > (before[at] ?? 0))).toBe(true)
    }
  })

  it('a table that was compacted is told of, and one that was only looked at is not', async () => {
    const table = lake.tables.get('likes') ?? expect.fail('there is such a table')
    const row = `SELECT 'u' AS user_id, 'm' AS subject_id, now() AS liked_at, now() AS received_at, 'b' AS raw_batch, 0 AS raw_line`
    for (let i = 0; i < 10; i++) await table.append(`SELECT *, 'e${i}' AS event_id FROM (${row})`)
    const written = table.version
    const told: [string, number][] = []
    start({ rearranged: (name, version) => told.push([name, version]) })
    await expect.poll(() => told.length).toBeGreaterThan(0)
    expect(told).toEqual([['likes', table.version]])
    expect(table.version).toBeGreaterThan(written)
  })

  it('what writes left behind is dropped when it is a day old, once an hour', async () => {
    const asked: number[] = []
    lake.parts.store.dropUnfinished = async (before_ms) => asked.push(now_ms - before_ms)
    start({})
    for (const expected of [1, 2, 3]) {
      await expect.poll(() => asked.length).toBe(expected)
      now_ms += HOUR_MS
    }
    expect(new Set(asked)).toEqual(new Set([24 * HOUR_MS]))
  })
})

import { localNotices, type Notice } from '@sluice/event-log'
import type { PlanTarget } from '@sluice/lake'
import { expect, it } from 'vitest'
import { type PumpedTable, TablePump } from '../src/table-pump.ts'

const FILE = { path: 'p', size: 1, rows: 1, stats: '{}' }
const OUTCOMES: [] = []

/** A ledger whose versions plan for the tables given, in order. */
function ledgerOf(versions: readonly string[]) {
  const plans = versions.map((table, version) => ({
    version,
    table,
    entry: { kind: 'append' as const, files: [FILE], previous: null },
  }))
  let newest = -1
  const known = (table: string) => plans.filter((plan) => plan.table === table && plan.version <= newest)
  return {
    get version() {
      return newest
    },
    commit: () => ++newest,
    head: (table: string) => known(table).at(-1)?.version,
    unapplied: async (table: string, after: number) => known(table).filter(({ version }) => version > after),
  }
}

/** A table that takes a plan when its gate opens, and notes how many plans it takes at once. */
function tableOf(name: string, gate: Promise<void> = Promise.resolve()): PumpedTable & { steps: number[] } {
  let at = -1
  const steps: number[] = []
  const append: PlanTarget['append'] = async (files, { through }) => {
    await gate
    steps.push(files.length)
    at = through
    return 'applied'
  }
  const target = { applied: async () => at, append, merge: append, close: async () => 'conflict' as const }
  return { name, target, version: () => at, steps }
}

it('a table that is slow to take plans delays no other, and takes those that waited at once', async () => {
  let open = () => {}
  const slow = tableOf('slow', new Promise<void>((resolve) => (open = resolve)))
  const fast = tableOf('fast')
  const ledger = ledgerOf(['slow', 'fast', 'slow', 'slow', 'fast'])
  const notices = localNotices()
  const told: Notice[] = []
  const failed = (_: string, error: unknown) => expect.fail(String(error))
  const pump = new TablePump({
    ledger,
    notices: { ...notices, publish: async (notice) => void told.push(notice) },
    tables: [slow, fast],
    max_behind: 64,
    failed,
  })
  for (let version = 0; version < 5; version++) await pump.follow(ledger.commit(), OUTCOMES)
  await expect.poll(() => fast.version()).toBe(4)
  expect(slow.version()).toBe(-1)
  expect([pump.behind, pump.stuck]).toEqual([true, false])
  open()
  await pump.drain()
  expect(slow.steps).toEqual([1, 2])
  expect(fast.steps).toEqual([1, 1])
  expect([pump.behind, told.length]).toEqual([false, 5])
})

it('a batch waits for the oldest one when a table is too far behind', async () => {
  let open = () => {}
  const slow = tableOf('slow', new Promise<void>((resolve) => (open = resolve)))
  const ledger = ledgerOf(['slow', 'slow', 'slow'])
  const failed = (_: string, error: unknown) => expect.fail(String(error))
  const pump = new TablePump({ ledger, notices: localNotices(), tables: [slow], max_behind: 2, failed })
  for (let version = 0; version < 2; version++) await pump.follow(ledger.commit(), OUTCOMES)
  let done = false
  const third = pump.follow(ledger.commit(), OUTCOMES).then(() => (done = true))
  await new Promise((resolve) => setImmediate(resolve))
  expect(done).toBe(false)
  open()
  await third
  await pump.drain()
  expect(pump.applied).toBe(2)
})

it('a plan that another worker left is stuck until it is caught up with', async () => {
  const table = tableOf('movies')
  const ledger = ledgerOf(['movies'])
  const failed = (_: string, error: unknown) => expect.fail(String(error))
  const pump = new TablePump({ ledger, notices: localNotices(), tables: [table], max_behind: 2, failed })
  expect(pump.stuck).toBe(false)
  ledger.commit()
  expect(pump.stuck).toBe(true)
  await pump.catchUp()
  expect([pump.stuck, table.version()]).toEqual([false, 0])
})

it('a notice tells the version of each table that an outcome names, also of one that an earlier run has taken along', async () => {
  let open = () => {}
  const slow = tableOf('slow', new Promise<void>((resolve) => (open = resolve)))
  const ledger = ledgerOf(['slow', 'slow', 'slow'])
  const told: Notice[] = []
  const pump = new TablePump({
    ledger,
    notices: { ...localNotices(), publish: async (notice) => void told.push(notice) },
    tables: [slow, tableOf('fast')],
    max_behind: 64,
    failed: (_, error) => expect.fail(String(error)),
  })
  const outcome = { event_id: 'e', status: 'stored' as const, table: 'slow', reason: null }
  for (let version = 0; version < 2; version++) await pump.follow(ledger.commit(), [outcome])
  // The run that is under way sees this one too: when it is followed, there is nothing left to apply.
  const third = ledger.commit()
  open()
  await pump.drain()
  await pump.follow(third, [outcome])
  await pump.drain()
  expect(slow.steps).toEqual([1, 2])
  expect(told).toHaveLength(3)
  expect(told.at(-1)).toMatchObject({ ledger: 2, versions: { slow: 2 } })
})

it('a table that cannot follow is told by its name', async () => {
  const broken = tableOf('broken')
  broken.target.append = async () => {
    throw new Error('no room')
  }
  const ledger = ledgerOf(['broken'])
  const failures: string[] = []
  const pump = new TablePump({
    ledger,
    notices: localNotices(),
    tables: [tableOf('fine'), broken],
    max_behind: 2,
    failed: (table, error) => failures.push(`${table}: ${String(error)}`),
  })
  await pump.follow(ledger.commit(), OUTCOMES)
  await pump.drain()
  expect(failures).toEqual(['broken: Error: no room'])
  expect([pump.stuck, pump.applied]).toEqual([true, -1])
})

import { describe, expect, it } from 'vitest'
import { DuckdbError } from '../../src/duckdb/index.ts'
import { applyPlans, type PlanStep, type PlanTarget } from '../../src/ledger/apply.ts'
import { fileOf, openLedgerWorld } from './ledger-world.ts'

/** A target that notes what it is asked. Unless asked anew it knows only the steps that it took itself. */
function target(seen = -1) {
  const steps: (PlanStep & { kind: string; files: number })[] = []
  const state = { at: seen, races_to_lose: 0 }
  const take = (kind: string) => async (items: readonly unknown[], step: PlanStep) => {
    if (state.races_to_lose-- > 0) return 'conflict' as const
    steps.push({ ...step, kind, files: items.length })
    state.at = step.through
    return 'applied' as const
  }
  const into: PlanTarget = {
    applied: async (fresh) => (fresh || steps.length > 0 ? state.at : seen),
    append: take('append'),
    merge: take('merge'),
    close: take('close'),
  }
  return { steps, into, state }
}

const append = (files: number) => ({
  kind: 'append' as const,
  files: Array.from({ length: files }, (_, at) => fileOf(`f${at}`)),
})

describe('applyPlans', () => {
  it('takes many decisions at once, and no more files than a commit may have', async () => {
    const world = await openLedgerWorld()
    const ledger = await world.open()
    for (const [at, files] of [400, 500, 300, 1_200, 1].entries())
      await world.decide(ledger, 0, at + 1, { movies: append(files) })
    const { steps, into } = target()
    expect(await applyPlans(ledger, 'movies', into)).toBe(5)
    expect(steps).toEqual([
      { after: -1, through: 2, kind: 'append', files: 900 },
      { after: 2, through: 3, kind: 'append', files: 300 },
      { after: 3, through: 4, kind: 'append', files: 1_200 },
      { after: 4, through: 5, kind: 'append', files: 1 },
    ])
  })

  it('takes fewer at once where there is not the memory for more, and tells of one that is too large by itself', async () => {
    const world = await openLedgerWorld()
    const ledger = await world.open()
    for (const [at, files] of [2, 2, 2, 2, 5].entries())
      await world.decide(ledger, 0, at + 1, { movies: append(files) })
    const { steps, into } = target()
    const { append: roomy } = into
    into.append = async (files, step) => {
      if (files.length > 4) throw new DuckdbError('out_of_memory', 'the memory is used up')
      return roomy(files, step)
    }
    await expect(applyPlans(ledger, 'movies', into)).rejects.toMatchObject({ code: 'out_of_memory' })
    expect(steps.map(({ after, through, files }) => [after, through, files])).toEqual([
      [-1, 1, 2],
      [1, 2, 2],
      [2, 3, 2],
      [3, 4, 2],
    ])
  })

  it('keeps kinds apart and in order', async () => {
    const world = await openLedgerWorld()
    const ledger = await world.open()
    await world.decide(ledger, 0, 1, { movies: append(1) })
    await world.decide(ledger, 0, 2, { movies: { kind: 'merge', files: [fileOf('m')] } })
    await world.decide(ledger, 0, 3, { other: append(1) })
    await world.decide(ledger, 0, 4, { movies: append(2) })
    const { steps, into } = target()
    expect(await applyPlans(ledger, 'movies', into)).toBe(4)
    expect(steps.map(({ kind, through }) => [kind, through])).toEqual([
      ['append', 1],
      ['merge', 2],
      ['append', 4],
    ])
  })

  it('reads a position anew that is older than what the log still has', async () => {
    const world = await openLedgerWorld()
    const ledger = await world.open()
    for (let at = 1; at <= 3; at++) await world.decide(ledger, 0, at, { movies: append(1) })
    world.clock.now_ms += 1_000
    await world.delta.writeCheckpoint(await world.delta.snapshot(2))
    await world.delta.cleanLog({ retention_ms: 0, pins: [2] })
    const { steps, into, state } = target()
    state.at = 2
    expect(await applyPlans(ledger, 'movies', into)).toBe(3)
    expect(steps.map(({ after, through }) => [after, through])).toEqual([[2, 3]])
  })

  it('says so if plans are gone that the table has not applied', async () => {
    const world = await openLedgerWorld()
    const ledger = await world.open()
    for (let at = 1; at <= 3; at++) await world.decide(ledger, 0, at, { movies: append(1) })
    world.clock.now_ms += 1_000
    await world.delta.writeCheckpoint(await world.delta.snapshot(3))
    await world.delta.cleanLog({ retention_ms: 0 })
    await expect(applyPlans(ledger, 'movies', target(0).into)).rejects.toThrow(/does not know what is needed/)
  })

  it('tries again after lost races, and gives up after many', async () => {
    const world = await openLedgerWorld()
    const ledger = await world.open()
    await world.decide(ledger, 0, 1, { movies: append(1) })
    const some = target()
    some.state.races_to_lose = 5
    expect(await applyPlans(ledger, 'movies', some.into)).toBe(1)
    const many = target()
    many.state.races_to_lose = 1_000
    await expect(applyPlans(ledger, 'movies', many.into)).rejects.toThrow(/100 races/)
  })
})

import { describe, expect, it } from 'vitest'
import { BROKEN_PARTS } from './broken-parts.ts'
import { type SimulationResult, simulate } from './simulate.ts'

/** How many interleavings to try; a million takes about two hours. */
const SEEDS = Number(process.env['SLUICE_SIMULATION_SEEDS'] ?? 3_000)
/** The first seed; with `SLUICE_SIMULATION_SEEDS=1` a failed run is done again, and all its steps are shown. */
const FROM = Number(process.env['SLUICE_SIMULATION_FROM'] ?? 1)
/** Every broken part is found within so many seeds, most within five. */
const SEEDS_TO_FIND = 1_500
/** As much of a failed run's trace as is shown. */
const SHOWN_STEPS = SEEDS === 1 ? 100_000 : 80
const A_SEED_MS = 100

describe('the ledger protocol', () => {
  it(`holds what the design guarantees in ${SEEDS} interleavings`, {
    timeout: 60_000 + SEEDS * A_SEED_MS,
  }, async () => {
    let given_up = 0
    for (let seed = FROM; seed < FROM + SEEDS; seed++) {
      const { violation, too_late } = await simulate(seed)
      if (violation) throw new Error(await report(seed))
      if (too_late) given_up++
    }
    expect(given_up).toBeLessThan(Math.max(2, SEEDS * 0.05))
  })

  it('is tried hard: races, fences, lost answers and repeats are all frequent', async () => {
    const seen = new Map<string, number>()
    for (let seed = 1; seed <= 200; seed++)
      for (const [what, times] of (await simulate(seed)).seen) seen.set(what, (seen.get(what) ?? 0) + times)
    for (const what of EXPECTED) expect.soft(seen.get(what) ?? 0, what).toBeGreaterThan(10)
  })

  it('a seed gives the same run again', async () => {
    for (const seed of [3, 14, 159]) {
      const [once, again] = [await simulate(seed, { trace: true }), await simulate(seed, { trace: true })]
      expect(once.trace.length).toBeGreaterThan(50)
      expect(again.trace).toEqual(once.trace)
    }
  })
})

describe('the simulation finds out that', () => {
  for (const [what, variant] of Object.entries(BROKEN_PARTS))
    it(what, { timeout: SEEDS_TO_FIND * A_SEED_MS }, async () => {
      let found: SimulationResult | undefined
      for (let seed = 1; seed <= SEEDS_TO_FIND && !found?.violation; seed++) found = await simulate(seed, { variant })
      expect(found?.violation?.message).toBeTruthy()
    })
})

const EXPECTED = [
  'decision',
  'fenced',
  'race lost',
  'stored',
  'quarantined',
  'id_conflict',
  'repeat',
  'redelivered',
  'closing',
  'several plans at once',
  'answer lost',
  'write that came late',
  'death',
  'sleep',
  'rebalance',
  'compaction',
]

/** The same run once more, with what happened. */
async function report(seed: number): Promise<string> {
  const { violation, trace } = await simulate(seed, { trace: true })
  const again = 'SLUICE_SIMULATION_SEEDS=1'
  return `seed ${seed}: ${violation?.message}\n\nthe last steps (all: ${again} SLUICE_SIMULATION_FROM=${seed}):\n${trace.slice(-SHOWN_STEPS).join('\n')}`
}

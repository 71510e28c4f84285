import { expect, it } from 'vitest'
import type { LakeStatus } from '../src/status.ts'
import { caughtUp } from '../src/verify/caught-up.ts'

const sink = (name: string, state: string, caught_up: boolean) => ({ name, state, error: null, caught_up, tables: [] })
const lakeWith = (sinks: LakeStatus['sinks'], unpublished_batches = 0) => ({
  ingest: { unpublished_batches },
  log: [],
  log_error: null,
  ledger: { version: 1 },
  tables: [],
  sinks,
})

/** How long it waits, in milliseconds, where each look takes so long. */
async function waited(looks: (ms: number) => Omit<LakeStatus, 'caught_up'>, look_ms = 1): Promise<number> {
  let ms = 0
  await caughtUp({
    async status() {
      const at = looks(ms)
      ms += look_ms
      return at
    },
    now: () => ms,
    sleep: async (pause_ms) => {
      ms += pause_ms
    },
  })
  return ms
}

it('a store that cannot be asked is waited for three seconds, one that is behind for a minute', async () => {
  const fine = sink('neo4j', 'running', true)
  expect(await waited(() => lakeWith([fine]))).toBe(1)
  const failing = await waited(() => lakeWith([fine, sink('postgres', 'failing', false)]))
  expect(failing).toBeGreaterThanOrEqual(3_000)
  expect(failing).toBeLessThan(3_200)
  // A look at a store that says nothing takes as long by itself.
  expect(await waited(() => lakeWith([fine, sink('postgres', 'failing', false)]), 3_000)).toBe(3_000)
  expect(await waited(() => lakeWith([fine, sink('postgres', 'running', false)]))).toBeGreaterThanOrEqual(60_000)
})

it('a store that comes back is waited for, and so is everything before the stores', async () => {
  const failing = sink('postgres', 'failing', false)
  const behind = sink('postgres', 'running', false)
  const looks = (ms: number) =>
    ms < 2_000 ? lakeWith([failing]) : lakeWith([ms < 9_000 ? behind : sink('postgres', 'running', true)])
  const back = await waited(looks)
  expect(back).toBeGreaterThanOrEqual(9_000)
  expect(back).toBeLessThan(9_200)
  const log = await waited((ms) => lakeWith([failing], ms < 20_000 ? 5 : 0))
  expect(log).toBeGreaterThanOrEqual(23_000)
})

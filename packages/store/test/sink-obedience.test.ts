import type { ObjectStore } from '@sluice/object-store'
import { openMemoryStore } from '@sluice/object-store/memory-store'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { changeSinkWish, readSinkWish, SinkObedience } from '../src/index.ts'

let objects: ObjectStore
let now: number
let made: number

beforeEach(() => {
  objects = openMemoryStore()
  now = 1_000
  made = 0
})
afterEach(() => objects.close())

/** A process of the sink, whose store forgets when the test says so. */
function sink() {
  const runner = {
    reloads: 0,
    forgets: false,
    paused: false,
    state: () => ({ state: runner.paused ? ('paused' as const) : ('running' as const), error: undefined, tables: [] }),
    async pause() {
      runner.paused = true
    },
    async resume() {
      runner.paused = false
    },
    async reload() {
      runner.reloads++
      runner.forgets = true
    },
  }
  const parts = { objects, name: 'postgres', runner, process_id: `p${++made}`, now: () => now } as const
  return { runner, obedience: new SinkObedience(parts) }
}

const wish = () => readSinkWish(objects, 'postgres')
const rebuild = () => changeSinkWish(objects, 'postgres', (wanted) => ({ ...wanted, rebuilds: wanted.rebuilds + 1 }))

it('of several that make the same change, one wrote it', async () => {
  const pause = () => changeSinkWish(objects, 'postgres', (wanted) => ({ ...wanted, paused: true }))
  const outcomes = await Promise.all([pause(), pause(), pause()])
  expect(outcomes.map(({ wrote }) => wrote).sort()).toEqual([false, false, true])
  expect(outcomes.every(({ wanted }) => wanted.paused)).toBe(true)
})

it('one of several processes takes a rebuild', async () => {
  await rebuild()
  const sinks = [sink(), sink(), sink()]
  await Promise.all(sinks.map(({ obedience }) => obedience.look()))
  await Promise.all(sinks.map(({ obedience }) => obedience.look()))
  expect(sinks.reduce((sum, { runner }) => sum + runner.reloads, 0)).toBe(1)
})

it('a rebuild is done once the store has forgotten, and not before', async () => {
  await rebuild()
  const { runner, obedience } = sink()
  await obedience.look()
  await obedience.look()
  expect(await wish()).toMatchObject({ rebuilds: 1, rebuilt: 0 })
  runner.forgets = false
  await obedience.look()
  expect(await wish()).toEqual({ paused: false, rebuilds: 1, rebuilt: 1 })
  await obedience.look()
  expect(runner.reloads).toBe(1)
})

it('a rebuild whose process ended before the store had forgotten is taken by the next', async () => {
  await rebuild()
  const first = sink()
  await first.obedience.look()
  // Its store is away for long.
  for (let turn = 0; turn < 10; turn++) {
    now += 10_000
    await first.obedience.look()
  }
  const next = sink()
  await next.obedience.look()
  expect(next.runner.reloads).toBe(0)
  now += 31_000
  await next.obedience.look()
  expect(next.runner.reloads).toBe(1)
  next.runner.forgets = false
  await next.obedience.look()
  expect(await wish()).toEqual({ paused: false, rebuilds: 1, rebuilt: 1 })
})

it('a rebuild asked for while one is under way is another one', async () => {
  await rebuild()
  const { runner, obedience } = sink()
  await obedience.look()
  await rebuild()
  runner.forgets = false
  await obedience.look()
  await obedience.look()
  expect(runner.reloads).toBe(2)
})

it('pauses and resumes', async () => {
  const { runner, obedience } = sink()
  await changeSinkWish(objects, 'postgres', (wanted) => ({ ...wanted, paused: true }))
  await obedience.look()
  expect(runner.paused).toBe(true)
  await changeSinkWish(objects, 'postgres', (wanted) => ({ ...wanted, paused: false }))
  await obedience.look()
  expect(runner.paused).toBe(false)
})

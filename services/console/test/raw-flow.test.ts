import type { ObjectStore } from '@sluice/object-store'
import { openMemoryStore } from '@sluice/object-store/memory-store'
import type { RawZone } from '@sluice/raw-zone'
import { openObjectRawZone } from '@sluice/raw-zone/objects'
import { LogLife } from '@sluice/server-parts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { rawFlow } from '../src/raw-flow.ts'

let store: ObjectStore
/** As the console has it, and as the process of ingest that writes. */
let rawZone: RawZone
let ingest: RawZone
const now = () => Date.now()

beforeEach(async () => {
  store = openMemoryStore()
  rawZone = await openObjectRawZone({ store })
  ingest = await openObjectRawZone({ store, write_behind_ms: 1 })
})
afterEach(async () => {
  await ingest.close()
  await rawZone.close()
  await store.close()
})

const line = (event_id: string) => Buffer.from(`${JSON.stringify({ event_id })}\n`)

/** An incarnation that appended so many batches and published them all. */
async function published(batches: number): Promise<string> {
  const writer = await ingest.begin()
  for (let number = 1; number <= batches; number++)
    await writer.append((batch_id) => ({ bytes: line(batch_id), lines: 1 }))
  await writer.published(batches)
  await expect.poll(async () => stateOf(writer.incarnation)).toBe(batches)
  return writer.incarnation
}

const stateOf = async (incarnation: string) =>
  (await rawZone.unfinished()).find((state) => state.incarnation === incarnation)?.published

it('a life of the log that is still to be filled has none of what was published to the one before', async () => {
  const first = await LogLife.open(store, now)
  const incarnation = await published(3)
  expect(await rawFlow({ rawZone, life: first, now })).toBe(0)
  await first.end()
  expect(await rawFlow({ rawZone, life: first, now })).toBe(3)
  const second = await LogLife.open(store, now)
  expect(await rawFlow({ rawZone, life: second, now })).toBe(3)
  // Another process has filled it.
  await (await LogLife.open(store, now)).refilled({ [incarnation]: 3 })
  expect(await rawFlow({ rawZone, life: second, now })).toBe(0)
})

it('what a process that is gone published after its life was filled is not on the log', async () => {
  const incarnation = await published(3)
  await (await LogLife.open(store, now)).end()
  const life = await LogLife.open(store, now)
  await life.refilled({ [incarnation]: 1 })
  expect(await rawFlow({ rawZone, life, now })).toBe(0)
  expect(await rawFlow({ rawZone, life, now: () => now() + 3_600_000 })).toBe(2)
})

import type { ObjectStore } from '@sluice/object-store'
import { openMemoryStore } from '@sluice/object-store/memory-store'
import type { RawZone } from '@sluice/raw-zone'
import { openObjectRawZone } from '@sluice/raw-zone/objects'
import { LogLife } from '@sluice/server-parts'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { rawFlow } from '../src/raw-flow.ts'

let store: ObjectStore
let zones: RawZone[]

beforeEach(() => {
  store = openMemoryStore()
  zones = []
})
afterEach(async () => {
  for (const zone of zones) await zone.close()
  await store.close()
})

/** As a process of this life has it. */
async function zoneIn({ epoch }: LogLife): Promise<RawZone> {
  const zone = await openObjectRawZone({ store, log: epoch, write_behind_ms: 1 })
  zones.push(zone)
  return zone
}

const line = (event_id: string) => Buffer.from(`${JSON.stringify({ event_id })}\n`)

/** An incarnation of this life that appended so many batches and published them all. */
async function published(life: LogLife, batches: number): Promise<string> {
  const writer = await (await zoneIn(life)).begin()
  for (let number = 1; number <= batches; number++)
    await writer.append((batch_id) => ({ bytes: line(batch_id), lines: 1 }))
  await writer.published(batches)
  const reader = await zoneIn(life)
  const state = async () => (await reader.unfinished()).find(({ incarnation }) => incarnation === writer.incarnation)
  await expect.poll(async () => (await state())?.published).toBe(batches)
  return writer.incarnation
}

it('a life of the log that is still to be filled has none of what was published to the one before', async () => {
  const first = await LogLife.open(store)
  const incarnation = await published(first, 3)
  expect(await rawFlow({ rawZone: await zoneIn(first), life: first })).toBe(0)
  await first.end()
  expect(await rawFlow({ rawZone: await zoneIn(first), life: first })).toBe(3)
  const second = await LogLife.open(store)
  const rawZone = await zoneIn(second)
  expect(await rawFlow({ rawZone, life: second })).toBe(3)
  // Another process has filled it.
  await (await LogLife.open(store)).refilled({ [incarnation]: 3 })
  expect(await rawFlow({ rawZone, life: second })).toBe(0)
})

it('what was published to a former life after this one was filled is not on the log', async () => {
  const first = await LogLife.open(store)
  const incarnation = await published(first, 3)
  await first.end()
  const second = await LogLife.open(store)
  await second.refilled({ [incarnation]: 1 })
  expect(await rawFlow({ rawZone: await zoneIn(second), life: second })).toBe(2)
  await published(second, 5)
  expect(await rawFlow({ rawZone: await zoneIn(second), life: second })).toBe(2)
})

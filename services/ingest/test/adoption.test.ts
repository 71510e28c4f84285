import { setTimeout as sleep } from 'node:timers/promises'
import { openMemoryStore } from '@sluice/object-store/memory-store'
import type { RawZone } from '@sluice/raw-zone'
import { openObjectRawZone } from '@sluice/raw-zone/objects'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Adoption } from '../src/adoption.ts'
import type { LogLifeReader } from '../src/log-life-reader.ts'
import { LogPublisher } from '../src/log-publisher.ts'
import { refillLog } from '../src/refill.ts'
import { FakeLog } from './fake-log.ts'
import { quiet } from './world.ts'

const routing = () => ({ partition: 0, known: true })
let fault: ((operation: string, key: string) => void) | undefined
let store: ReturnType<typeof openMemoryStore>
let rawZone: RawZone
let log: FakeLog
let errors: string[]
let life: { is_current?: () => boolean; to_refill: boolean; refilled: Map<string, number> }
let adoption: Adoption
const lifeReader: LogLifeReader = {
  current: async () => life.is_current?.() ?? true,
  get to_refill() {
    return life.to_refill
  },
  refilledTo: (incarnation) => life.refilled.get(incarnation) ?? 0,
}

beforeEach(async () => {
  fault = undefined
  errors = []
  store = openMemoryStore({ faults: { before: (operation, key) => fault?.(operation, key) } })
  rawZone = await openObjectRawZone({ store, write_behind_ms: 1 })
  log = new FakeLog()
  const logger = { ...quiet, error: (fields: object) => errors.push('err' in fields ? String(fields.err) : '') }
  const publisher = new LogPublisher(log, 'events', 1, logger)
  life = { to_refill: false, refilled: new Map() }
  adoption = new Adoption({ rawZone, publisher, routing, logger, now: Date.now, life: lifeReader }, () => undefined)
})
afterEach(async () => {
  fault = undefined
  await adoption.stop()
  await rawZone.close()
})

/** An incarnation of a process that went away with these unpublished. */
async function left(...ids: string[]): Promise<string> {
  const zone = await openObjectRawZone({ store, write_behind_ms: 1 })
  const writer = await zone.begin()
  for (const id of ids)
    await writer.append((batch) => ({
      bytes: Buffer.from(`{"batch":"${batch}","line":0,"event_id":"${id}","type":"t","form":"event","event":{}}\n`),
      lines: 1,
    }))
  await zone.close()
  return writer.incarnation
}
const published = () => log.values().map((line) => JSON.parse(line).event_id)
const keyOf = (incarnation: string, number: number) =>
  `raw/batches/${incarnation}/${String(number).padStart(15, '0')}.ndjson.zst`

test.each(['get', 'putIfAbsent', 'delete'])(
  'what is left is published although the store failed while it was: %s',
  async (failing) => {
    const incarnation = await left('a', 'b')
    let failures = 0
    fault = (operation, key) => {
      const ofIt = key.includes('/batches/') || key.includes('/finished/') || operation === 'delete'
      if (operation !== failing || !key.includes(incarnation) || !ofIt || failures > 0) return
      failures++
      throw new Error('away')
    }
    adoption.start({ force: false, pause_ms: 5 })
    await expect.poll(() => new Set(published())).toEqual(new Set(['a', 'b']))
    await expect.poll(() => rawZone.unfinished()).toEqual([])
    expect(failures).toBe(1)
    expect(errors.every((error) => error.includes('away'))).toBe(true)
  },
)

test('one that cannot be published holds up no other, and is published once it can be', async () => {
  const [bad, good] = [await left('a'), await left('b')].sort()
  fault = (operation, key) => {
    if (operation === 'get' && key.includes(`/batches/${bad}`)) throw new Error('away')
  }
  adoption.start({ force: false, pause_ms: 5 })
  await expect.poll(() => log.values().map((line) => JSON.parse(line).batch)).toEqual([`${good}-1`])
  fault = undefined
  await expect.poll(() => new Set(published())).toEqual(new Set(['a', 'b']))
})

test('a batch that is missing is told, with what to do, and nothing behind it is taken for published', async () => {
  const incarnation = await left('a', 'b', 'c')
  const adopter = await openObjectRawZone({ store })
  // Its end is known.
  await (await adopter.adopt(incarnation))?.release()
  await adopter.close()
  const kept = await store.get(keyOf(incarnation, 2))
  await store.delete([keyOf(incarnation, 2)])
  adoption.start({ force: false, pause_ms: 5 })
  await expect.poll(() => errors.at(-1)).toMatch(new RegExp(`${incarnation}-2.*restore`))
  expect(new Set(published())).toEqual(new Set(['a']))
  await store.put(keyOf(incarnation, 2), kept!)
  await expect.poll(() => new Set(published())).toEqual(new Set(['a', 'b', 'c']))
  await expect.poll(() => rawZone.unfinished()).toEqual([])
})

test('a new life is not taken for filled while a batch is missing', async () => {
  const incarnation = await left('a', 'b')
  const adopted = await rawZone.adopt(incarnation)
  await store.delete([keyOf(incarnation, 1)])
  await expect(refillLog({ rawZone, log, eventTypes: new Map(), partitions: 1 })).rejects.toMatchObject({
    code: 'corrupt',
    message: expect.stringContaining(`${incarnation}-1`),
  })
  await adopted?.release()
})

test('a batch that is missing holds up no other incarnation, and nothing is sent twice until it is there', async () => {
  const [bad = '', good = ''] = [await left('a', 'b', 'c'), await left('d')].sort()
  for (const incarnation of [bad, good]) await (await rawZone.adopt(incarnation))?.release()
  const kept = await store.get(keyOf(bad, 1))
  await store.delete([keyOf(bad, 1)])
  const parts = { rawZone, log, eventTypes: new Map(), partitions: 1, sent: new Map<string, number>() }
  for (let attempt = 0; attempt < 3; attempt++)
    await expect(refillLog(parts)).rejects.toMatchObject({ code: 'corrupt' })
  expect(log.values().map((line) => JSON.parse(line).batch.slice(0, -2))).toEqual(log.values().map(() => good))
  const before = log.values().length
  await store.put(keyOf(bad, 1), kept!)
  expect((await refillLog(parts)).heads).toMatchObject({ [bad]: expect.any(Number), [good]: expect.any(Number) })
  expect([...published()].sort()).toEqual(['a', 'b', 'c', 'd'])
  expect(before).toBeGreaterThan(0)
})

test('a tail of many batches goes in few sends', async () => {
  await left(...Array.from({ length: 200 }, (_, i) => String(i)))
  adoption.start({ force: false, pause_ms: 5 })
  await expect.poll(() => adoption.adopted).toBe(1)
  expect(published()).toHaveLength(200)
  expect(log.sends).toBeLessThan(5)
})

test('nothing is adopted while the life of the log is still to be filled, which sends it too', async () => {
  const incarnation = await left('a', 'b', 'c')
  life.to_refill = true
  adoption.start({ force: false, pause_ms: 5 })
  await sleep(100)
  expect(await rawZone.unfinished()).toMatchObject([{ incarnation, lease_until_ms: 0 }])
  life.refilled.set(incarnation, 2)
  life.to_refill = false
  await expect.poll(() => adoption.adopted).toBe(1)
  expect(published()).toEqual(['c'])
})

test('what was published to a life that ended meanwhile is not finished, and its successor sends it again', async () => {
  const incarnation = await left('a', 'b')
  let asked = 0
  life.is_current = () => ++asked < 2
  adoption.start({ force: false, pause_ms: 5 })
  await expect.poll(() => asked).toBeGreaterThan(3)
  expect(published()).toEqual(['a', 'b'])
  const successor = await openObjectRawZone({ store, log: 'next' })
  expect(await successor.unfinished()).toMatchObject([{ incarnation, published: 0, lease_until_ms: 0 }])
  await successor.close()
})

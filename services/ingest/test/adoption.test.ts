import { openMemoryStore } from '@sluice/object-store/memory-store'
import type { RawZone } from '@sluice/raw-zone'
import { openObjectRawZone } from '@sluice/raw-zone/objects'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Adoption } from '../src/adoption.ts'
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
let adoption: Adoption

beforeEach(async () => {
  fault = undefined
  errors = []
  store = openMemoryStore({ faults: { before: (operation, key) => fault?.(operation, key) } })
  rawZone = await openObjectRawZone({ store, write_behind_ms: 1 })
  log = new FakeLog()
  const logger = { ...quiet, error: (fields: object) => errors.push('err' in fields ? String(fields.err) : '') }
  const publisher = new LogPublisher(log, 'events', 1, logger)
  adoption = new Adoption({ rawZone, publisher, routing, logger, now: Date.now }, () => undefined)
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

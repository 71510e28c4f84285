import { partitionOf } from '@sluice/event-log/partition-choice'
import { afterEach, expect, test } from 'vitest'
import { FakeLog } from './fake-log.ts'
import { FakeRawZone } from './fake-raw-zone.ts'
import { type World, world } from './world.ts'

let w: World
afterEach(() => w?.close())

const post = (payload: string, type = 'application/json') =>
  w.app.inject({ method: 'POST', url: '/v1/events', payload, headers: { 'content-type': type } })
const click = (id: number, user = 'u') => `{"type":"click","event_id":"${id}","user_id":"${user}"}`

test('records are the raw lines byte for byte, in order, each in the partition of its key', async () => {
  w = await world()
  await post(`[${click(1, 'é')},${click(2, 'four')},{"type":"other","event_id":"three"}]`)
  await post(
    `{"specversion":"1.0","id":"x","source":"s","type":"click","data":{"user_id":"sevenUU"}}`,
    'application/cloudevents+json',
  )
  await expect.poll(() => w.log.records.length).toBe(4)
  expect(w.log.values()).toEqual(w.rawZone.lines().map((line) => `${line}\n`))
  expect(w.log.records.map(({ partition }) => partition)).toEqual(
    ['é', 'four', 'three', 'sevenUU'].map((key) => partitionOf(key, 8)),
  )
  await expect.poll(() => [...w.rawZone.incarnations.values()][0]?.published).toBe(2)
})

test('with the log dead events are acknowledged, and published later from the raw zone, in order, once', async () => {
  const log = new FakeLog()
  log.dead = true
  w = await world({ log, limits: { relay_queue_limit_bytes: 2000, relay_send_limit_bytes: 3000 } })
  for (let i = 0; i < 100; i++)
    expect((await post(`[${click(i, 'é'.repeat(i % 8))},${click(1000 + i)}]`)).statusCode).toBe(202)
  const { queue, log_reachable } = w.ingest.status()
  expect([queue.unpublished_batches, log_reachable]).toEqual([100, false])
  expect(queue.unpublished_bytes).toBeLessThanOrEqual(2000)
  log.dead = false
  await expect.poll(() => w.ingest.status().published.number, { timeout: 20_000 }).toBe(100)
  expect(w.log.values()).toEqual(w.rawZone.lines().map((line) => `${line}\n`))
  expect(w.log.records.filter((_, i) => i % 2 === 0).map(({ partition }) => partition)).toEqual(
    Array.from({ length: 100 }, (_, i) => partitionOf('é'.repeat(i % 8), 8)),
  )
  expect(w.rawZone.reads).toBeGreaterThan(50)
  expect(w.ingest.status()).toMatchObject({
    log_reachable: true,
    queue: { unpublished_batches: 0, unpublished_bytes: 0 },
  })
})

test('an orderly stop publishes everything and finishes the incarnation', async () => {
  w = await world()
  await post(click(1))
  await w.close()
  expect(w.log.records).toHaveLength(1)
  expect(await w.rawZone.unfinished()).toEqual([])
})

test('what a stop leaves unpublished, the next start adopts and publishes', async () => {
  const rawZone = new FakeRawZone()
  const log = new FakeLog()
  w = await world({ rawZone, log, limits: { stop_limit_ms: 50 } })
  await post(click(1))
  await expect.poll(() => w.ingest.status().published.number).toBe(1)
  log.dead = true
  await post(click(2))
  await post(click(3))
  await w.close()
  expect(await rawZone.unfinished()).toHaveLength(1)
  log.dead = false
  w = await world({ rawZone, log, sole_process: true })
  await post(click(4))
  await expect.poll(() => log.records.length).toBe(4)
  expect(
    log
      .values()
      .map((line) => JSON.parse(line).event_id)
      .sort(),
  ).toEqual(['1', '2', '3', '4'])
  await expect.poll(() => w.ingest.status().adopted).toBe(1)
  expect((await rawZone.unfinished()).map(({ incarnation }) => incarnation)).toEqual(['inc2'])
})

test('an incarnation whose lease still runs is left alone, and adopted once it has run out', async () => {
  const rawZone = new FakeRawZone()
  const other = await rawZone.begin()
  await other.append((batch) => ({
    bytes: Buffer.from(`{"batch":"${batch}","line":0,"event_id":"o","type":"click","form":"event","event":{}}\n`),
    lines: 1,
  }))
  let now = 1000
  rawZone.incarnations.get('inc1')!.lease_until_ms = 2000
  w = await world({ rawZone, adopt_every_ms: 5, now: () => now })
  await post(click(1))
  await expect.poll(() => w.log.records.length).toBe(1)
  expect(w.ingest.status().adopted).toBe(0)
  now = 3000
  await expect.poll(() => w.log.records.length).toBe(2)
  expect(w.log.values()[1]).toContain('"event_id":"o"')
})

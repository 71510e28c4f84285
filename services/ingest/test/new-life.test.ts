import { openMemoryStore } from '@sluice/object-store/memory-store'
import type { RawZone } from '@sluice/raw-zone'
import { openObjectRawZone } from '@sluice/raw-zone/objects'
import { LogLife } from '@sluice/server-parts'
import { createLogger } from '@sluice/service'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newLifeFiller } from '../src/new-life.ts'
import { FakeLog } from './fake-log.ts'

const BATCHES = 18
/** Three batches are more than one send. */
const LINE_BYTES = 1_500_000
const quiet = createLogger({ name: 'test', level: 'silent' })
const told: string[] = []
const logger = Object.assign(Object.create(quiet), {
  error: ({ incarnation }: { incarnation: string }) => told.push(incarnation),
})
let store: ReturnType<typeof openMemoryStore>
let rawZone: RawZone
let log: FakeLog

beforeEach(async () => {
  store = openMemoryStore()
  rawZone = await openObjectRawZone({ store, write_behind_ms: 1 })
  const writer = await rawZone.begin()
  for (let i = 0; i < BATCHES; i++)
    await writer.append((batch) => ({
      bytes: Buffer.from(
        `{"batch":"${batch}","line":0,"event_id":"${i}","type":"t","form":"event","event":{"text":"${'x'.repeat(LINE_BYTES)}"}}\n`,
      ),
      lines: 1,
    }))
  log = new FakeLog()
  await (await LogLife.open(store)).end()
})
afterEach(() => rawZone.close())

/** As another process, or the same after a restart. */
async function filler(to = log, note_every_ms = 0) {
  const life = await LogLife.open(store)
  return {
    life,
    fill: newLifeFiller({ life, rawZone, log: to, eventTypes: new Map(), partitions: 1, logger, note_every_ms }),
  }
}
const ids = () => log.values().map((line) => JSON.parse(line).event_id)

test('a new life is filled once, and what comes after knows it', async () => {
  const { life, fill } = await filler()
  expect(life.to_refill).toBe(true)
  await fill()
  expect(ids()).toEqual(Array.from({ length: BATCHES }, (_, i) => String(i)))
  expect(life.to_refill).toBe(false)
  const later = await filler()
  expect(later.life.to_refill).toBe(false)
  await later.fill()
  expect(log.records).toHaveLength(BATCHES)
})

test('a process that is started again goes on where the one before came', async () => {
  const { fill } = await filler()
  const send = log.records.push.bind(log.records)
  log.records.push = (...records) => {
    const length = send(...records)
    if (length > BATCHES / 2) log.dead = true
    return length
  }
  await expect(fill()).rejects.toMatchObject({ code: 'unreachable' })
  log.dead = false
  log.records.push = send
  const before = log.records.length
  expect(before).toBeLessThan(BATCHES)
  await (await filler()).fill()
  expect(ids()).toEqual(Array.from({ length: BATCHES }, (_, i) => String(i)))
})

test('what one process noted is left to it by the others, also while it stands still', async () => {
  const standing = new FakeLog()
  const sends = standing.records.push.bind(standing.records)
  let stands = false
  standing.records.push = (...records) => {
    stands = standing.records.length > BATCHES / 2
    return sends(...records)
  }
  const first = await filler(standing)
  const producer = standing.producer.bind(standing)
  standing.producer = async () => {
    const { send, close } = await producer()
    return { send: (topic, records) => (stands ? new Promise(() => undefined) : send(topic, records)), close }
  }
  void first.fill()
  await expect.poll(() => stands).toBe(true)
  await (await filler()).fill()
  const [done, rest] = [standing, log].map((of) => of.values().map((line) => JSON.parse(line).event_id))
  expect(done?.length).toBeLessThan(BATCHES)
  expect([...(done ?? []), ...(rest ?? [])]).toEqual(Array.from({ length: BATCHES }, (_, i) => String(i)))
})

test('a process that ends stops filling, and notes how far it came', async () => {
  const { fill } = await filler(log, 60_000)
  const stop = new AbortController()
  const send = log.records.push.bind(log.records)
  log.records.push = (...records) => {
    if (log.records.length > BATCHES / 2) stop.abort()
    return send(...records)
  }
  await expect(fill(stop.signal)).rejects.toMatchObject({ name: 'AbortError' })
  expect(log.records.length).toBeLessThan(BATCHES)
  await (await filler()).fill()
  expect(ids()).toEqual(Array.from({ length: BATCHES }, (_, i) => String(i)))
})

test('what cannot be read is told by its name, holds up no other, and the life is not taken for filled', async () => {
  const lost = await rawZone.begin()
  await lost.append((batch) => ({
    bytes: Buffer.from(`{"batch":"${batch}","line":0,"event_id":"x","type":"t"}\n`),
    lines: 1,
  }))
  await store.delete([`raw/batches/${lost.incarnation}/000000000000001.ndjson.zst`])
  const { life, fill } = await filler()
  await expect(fill()).rejects.toMatchObject({ code: 'corrupt' })
  expect([life.to_refill, told]).toEqual([true, [lost.incarnation]])
  expect(new Set(ids())).toEqual(new Set(Array.from({ length: BATCHES }, (_, i) => String(i))))
})

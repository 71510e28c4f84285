import { RawZoneError } from '@sluice/raw-zone'
import { afterEach, expect, test } from 'vitest'
import { type Gate, gate } from './gate.ts'
import { type World, world } from './world.ts'

let w: World
let opened: Gate | undefined
afterEach(async () => {
  opened?.open()
  await w?.close()
})

const post = (payload = '{"type":"click"}', headers: Record<string, string> = {}) =>
  w.app.inject({
    method: 'POST',
    url: '/v1/events',
    payload,
    headers: { 'content-type': 'application/json', ...headers },
  })

test('requests that arrive while a batch is being written share the next one', async () => {
  w = await world()
  opened = gate()
  w.rawZone.beforeAppend = () => opened?.wait()
  const first = post()
  await expect.poll(() => w.rawZone.appends).toBe(1)
  const rest = Array.from({ length: 50 }, (_, i) => post(`[{"type":"click","event_id":"${i}"},{"type":"click"}]`))
  await expect.poll(() => w.ingest.status().queue.held_bytes).toBeGreaterThan(50 * 40)
  opened.open()
  for (const answer of await Promise.all([first, ...rest])) expect(answer.statusCode).toBe(202)
  expect(w.rawZone.appends).toBe(2)
  const lines = w.rawZone.lines().map((line) => JSON.parse(line))
  expect(lines.map(({ batch, line }) => `${batch}/${line}`)).toEqual([
    'inc1-1/0',
    ...Array.from({ length: 100 }, (_, i) => `inc1-2/${i}`),
  ])
})

test('a group ends at its limit, a request is never split', async () => {
  w = await world({ limits: { group_limit_events: 5 } })
  opened = gate()
  w.rawZone.beforeAppend = () => opened?.wait()
  const first = post()
  await expect.poll(() => w.rawZone.appends).toBe(1)
  const three = '[{"type":"click"},{"type":"click"},{"type":"click"}]'
  const rest = [post(three), post(three), post(`[${Array(9).fill('{"type":"click"}').join(',')}]`)]
  await expect.poll(() => w.ingest.status().queue.held_bytes).toBeGreaterThan(200)
  opened.open()
  await Promise.all([first, ...rest])
  const batches = [...w.rawZone.incarnations.values()].flatMap(({ batches }) => batches.map(({ lines }) => lines))
  expect(batches).toEqual([1, 3, 3, 9])
})

test('nothing is acknowledged that could not be made durable; the next request is', async () => {
  w = await world()
  w.rawZone.beforeAppend = () => {
    throw new RawZoneError('no_space', 'disk full')
  }
  const refused = await post()
  expect([refused.statusCode, refused.json().code, refused.headers['retry-after']]).toEqual([503, 'no_space', '2'])
  w.rawZone.beforeAppend = () => undefined
  expect((await post()).statusCode).toBe(202)
  expect(w.rawZone.lines()).toHaveLength(1)
  expect(w.ingest.status().queue.held_bytes).toBe(0)
})

test('a batch whose write has no answer may be there: that is said, and what is sent again has the same id', async () => {
  w = await world()
  w.rawZone.afterAppend = () => {
    throw new RawZoneError('failed', 'no answer', { retryable: true })
  }
  const named = '{"type":"click","event_id":"e1"}'
  const unsure = await post(named)
  expect([unsure.statusCode, unsure.json().code]).toEqual([503, 'raw_zone_unavailable'])
  expect(unsure.json().detail).toContain('what of this request was kept is not certain')
  w.rawZone.afterAppend = () => undefined
  expect((await post(named)).statusCode).toBe(202)
  expect(w.rawZone.lines().map((line) => JSON.parse(line).event_id)).toEqual(['e1', 'e1'])
})

test('a fenced incarnation is left to its adopter and a new one begun', async () => {
  w = await world()
  expect((await post()).statusCode).toBe(202)
  w.rawZone.beforeAppend = () => {
    w.rawZone.beforeAppend = () => undefined
    throw new RawZoneError('fenced', 'taken over')
  }
  expect((await post()).statusCode).toBe(503)
  expect((await post()).statusCode).toBe(202)
  expect(w.ingest.status().acknowledged).toEqual({ incarnation: 'inc2', number: 1 })
})

test('a full queue answers 429 with Retry-After, for a client before it does for all', async () => {
  w = await world({
    limits: { queue_limit_bytes: 3000, client_queue_limit_bytes: 2000 },
    authorize: (request) => ({ name: String(request.headers['x-client']) }),
  })
  opened = gate()
  w.rawZone.beforeAppend = () => opened?.wait()
  const body = `{"type":"click","x":"${'x'.repeat(1400)}"}`
  const first = post(body, { 'x-client': 'a' })
  await expect.poll(() => w.rawZone.appends).toBe(1)
  const second_of_a = await post(body, { 'x-client': 'a' })
  expect([second_of_a.statusCode, second_of_a.json().code, second_of_a.headers['retry-after']]).toEqual([
    429,
    'too_much_at_a_time',
    '1',
  ])
  const of_b = post(body, { 'x-client': 'b' })
  await expect.poll(() => w.ingest.status().queue.held_bytes).toBeGreaterThan(2800)
  expect((await post(body, { 'x-client': 'c' })).json().code).toBe('queue_full')
  opened.open()
  expect([(await first).statusCode, (await of_b).statusCode]).toEqual([202, 202])
  expect(w.ingest.status().queue.held_bytes).toBe(0)
})

test('with several groups allowed, the next ones follow without an answer, and no more than allowed are on their way', async () => {
  w = await world({ limits: { groups_in_flight: 3, gather_ms: 20 } })
  opened = gate()
  w.rawZone.beforeAppend = () => opened?.wait()
  const answers = [post()]
  await expect.poll(() => w.rawZone.appends).toBe(1)
  answers.push(post(), post())
  await expect.poll(() => w.rawZone.appends).toBe(2)
  answers.push(post())
  await expect.poll(() => w.rawZone.appends).toBe(3)
  answers.push(post(), post(), post())
  await expect.poll(() => w.ingest.status().queue.held_bytes).toBeGreaterThan(6 * 15)
  opened.open()
  for (const answer of await Promise.all(answers)) expect(answer.statusCode).toBe(202)
  expect(w.rawZone.lines()).toHaveLength(7)
  expect(w.rawZone.appends).toBeLessThanOrEqual(5)
})

test('a take-over that several appends meet begins one new incarnation', async () => {
  w = await world({ limits: { groups_in_flight: 3, gather_ms: 0 } })
  let fenced = 0
  w.rawZone.beforeAppend = async () => {
    if (fenced >= 3) return
    fenced++
    await expect.poll(() => fenced).toBe(3)
    throw new RawZoneError('fenced', 'taken over')
  }
  const first = post()
  await expect.poll(() => fenced).toBe(1)
  const second = post()
  await expect.poll(() => fenced).toBe(2)
  const refused = await Promise.all([first, second, post()])
  expect(refused.map(({ statusCode }) => statusCode)).toEqual([503, 503, 503])
  const began = w.rawZone.incarnations.size
  expect((await post()).statusCode).toBe(202)
  expect(w.rawZone.incarnations.size).toBe(began + 1)
  await expect.poll(() => w.ingest.status().queue.unpublished_batches).toBe(0)
})

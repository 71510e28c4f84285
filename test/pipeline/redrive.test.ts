import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { LakeProcess } from './lake-process.ts'
import { view } from './world.ts'

const OWN_TYPES = resolve(import.meta.dirname, '../../examples/event-types')
const KEYS = { chief: 'chief-chief-chief', admin: 'admin-admin-admin', reader: 'reader-reader-reader' }
const SLUICE_API_KEYS = `chief:${KEYS.chief}:ingest+query+admin,admin:${KEYS.admin}:query+admin,reader:${KEYS.reader}:query`
const BIG = '12345678901234567890.10'

let lake: LakeProcess
let client: Client
beforeAll(async () => {
  lake = await LakeProcess.start({ settings: { SLUICE_API_KEYS } })
  client = new Client(lake.url, KEYS.chief)
})
afterAll(() => lake.remove())

const redrive = async (request: object, by = client) => {
  const headers = { 'content-type': 'application/json' }
  const answer = await by.call('POST', '/v1/quarantine/redrive', { body: JSON.stringify(request), headers })
  return { status: answer.status, ...answer.json() }
}
const waiting = async () => {
  const { events } = await client.get('/v1/quarantine')
  return events.map(({ event_id }: { event_id: string }) => event_id).sort()
}
const reading = (sensor_id: string, more: object = {}) => ({
  ...{ type: 'sensor_reading', sensor_id, site: 'Hall 3', temperature: 21.5 },
  ...{ read_at: '2025-10-02T21:00:00Z', ...more },
})

describe('events whose type is defined later', () => {
  const ids: string[] = []

  it('are in quarantine, and are not sent again as long as it is not', async () => {
    const plain = await client.post(
      `{ "type": "sensor_reading", "sensor_id": "s1", "site": "Hall 3", "read_at": "2025-10-02T21:00:00Z", "exact": ${BIG} }`,
    )
    const with_id = await client.post(reading('s2', { event_id: 'reading-2' }))
    const cloud = await client.post(
      { specversion: '1.0', id: 'a', source: '/hall/3', type: 'sensor_reading', data: reading('s3') },
      { content_type: 'application/cloudevents+json' },
    )
    for (const { results } of [plain, with_id, cloud]) ids.push(results[0]?.event_id ?? '')
    await client.caughtUp()
    expect(await waiting()).toEqual([...ids].sort())
    const before = await client.verify()
    const answer = await redrive({})
    expect([answer.status, answer.counts]).toEqual([200, { invalid: 3 }])
    expect(answer.events[0]).toMatchObject({
      event_id: ids[0],
      status: 'invalid',
      reason: 'unknown_type',
      field: 'type',
    })
    expect((await client.verify()).totals).toEqual(before.totals)
  })

  it('are stored then, exactly as they were sent, and their entries closed', async () => {
    await lake.stop()
    lake = await LakeProcess.start({ data: lake.data, settings: { SLUICE_API_KEYS, SLUICE_EVENT_TYPES: OWN_TYPES } })
    client = new Client(lake.url, KEYS.chief)
    const dry = await redrive({ type: 'sensor_reading', dry_run: true })
    expect([dry.dry_run, dry.counts, await waiting()]).toEqual([true, { valid: 3 }, [...ids].sort()])
    const answer = await redrive({ type: 'sensor_reading' })
    expect(answer.events).toEqual(ids.map((event_id) => ({ event_id, status: 'stored' })))
    expect(await client.sql('SELECT event_id, sensor_id, _extra FROM sensor_readings ORDER BY sensor_id')).toEqual([
      { event_id: ids[0], sensor_id: 's1', _extra: `{"exact":${BIG}}` },
      { event_id: 'reading-2', sensor_id: 's2', _extra: null },
      { event_id: '/hall/3/a', sensor_id: 's3', _extra: null },
    ])
    await expect.poll(waiting).toEqual([])
    expect((await client.trail('reading-2')).quarantine).toMatchObject({ closed_by: expect.any(String) })
    expect(await redrive({})).toMatchObject({ counts: {}, events: [] })
    await client.caughtUp()
    expect(await client.verify()).toMatchObject({ ok: true })
  })
})

describe('events that a patch makes valid', () => {
  it('have other fields, or another type, and all else as it was', async () => {
    await client.post([
      view('long', { duration_minutes: 'a while', note: 'x' }),
      view('typo', { type: 'viewing_logg', duration_minutes: 7 }),
      view('odd', { duration_minutes: 8, watched_at: 'yesterday' }),
    ])
    await client.post(
      {
        specversion: '1.0',
        id: 'b',
        source: 's',
        type: 'viewing_log',
        data: { user_id: 'u9', watched_at: '2025-10-02' },
      },
      { content_type: 'application/cloudevents+json' },
    )
    await client.caughtUp()
    const still = await redrive({ ids: ['long'] })
    expect(still.events).toMatchObject([{ status: 'invalid', reason: 'schema_violation', field: 'duration_minutes' }])
    expect((await redrive({ ids: ['long'], patch: { duration_minutes: 12 } })).counts).toEqual({ stored: 1 })
    expect((await redrive({ type: 'viewing_logg', patch: { type: 'viewing_log' } })).counts).toEqual({ stored: 1 })
    expect((await redrive({ ids: ['odd'], patch: { watched_at: null } })).events).toMatchObject([
      { field: 'watched_at' },
    ])
    expect((await redrive({ ids: ['s/b'], patch: { movie_id: 'm7' } })).counts).toEqual({ stored: 1 })
    expect(
      await client.sql('SELECT event_id, movie_id, duration_minutes, _extra FROM viewing_history ORDER BY event_id'),
    ).toEqual([
      { event_id: 'long', movie_id: 'm1', duration_minutes: 12, _extra: '{"note":"x"}' },
      { event_id: 's/b', movie_id: 'm7', duration_minutes: null, _extra: null },
      { event_id: 'typo', movie_id: 'm1', duration_minutes: 7, _extra: null },
    ])
    expect(await waiting()).toEqual(['odd'])
    await client.caughtUp()
    expect(await client.verify()).toMatchObject({ ok: true })
  })

  it('keep their ids and types where these stand elsewhere: in rows of a file, in CloudEvents without an id', async () => {
    const file = await client.call('PUT', '/v1/files/views.csv?type=viewing_log', {
      body: 'user_id,movie_id,watched_at,duration_minutes\nu5,m5,2025-10-02T21:10:00Z,many\n',
      headers: { 'content-type': 'text/csv' },
    })
    expect(file.status).toBeLessThan(300)
    const cloud = { specversion: '1.0', source: 's', type: 'viewing_log', data: { user_id: 'u6', movie_id: 'm6' } }
    await client.post(cloud, { content_type: 'application/cloudevents+json' })
    await client.caughtUp()
    const ids = (await waiting()).filter((id: string) => id !== 'odd')
    expect(ids).toHaveLength(2)
    const patch = { watched_at: '2025-10-02T21:10:00Z', duration_minutes: 5 }
    expect((await redrive({ ids, patch })).counts).toEqual({ stored: 2 })
    expect(
      await client.sql("SELECT event_id FROM viewing_history WHERE user_id IN ('u5', 'u6') ORDER BY event_id"),
    ).toEqual(ids.map((event_id: string) => ({ event_id })))
    await expect.poll(waiting).toEqual(['odd'])
  })

  it('come page by page, oldest first; of an id the newest', async () => {
    for (const [event_id, movie_id] of [
      ['a', 'm1'],
      ['b', 'm2'],
      ['c', 'm3'],
      ['a', 'm4'],
    ])
      await client.settle(view(event_id ?? '', { type: 'wiev', movie_id }))
    const patch = { type: 'viewing_log' }
    const first = await redrive({ type: 'wiev', patch, limit: 2 })
    expect(first.events.map(({ event_id }: { event_id: string }) => event_id)).toEqual(['b', 'c'])
    const second = await redrive({ type: 'wiev', patch, limit: 2, after: first.next })
    expect([second.events, second.next]).toEqual([[{ event_id: 'a', status: 'stored' }], undefined])
    expect(await client.sql("SELECT movie_id FROM viewing_history WHERE event_id = 'a'")).toEqual([{ movie_id: 'm4' }])
    await expect.poll(waiting).toEqual(['odd'])
  })
})

describe('a request that will not do', () => {
  it.each([
    [{ reason: 'id_conflict' }, /reason.*another event_id/],
    [{ patch: { event_id: 'x' } }, /event_id/],
    [{ patch: { type: 7 } }, /type: expected a string/],
    [{ patch: { views: 2 ** 60 } }, /send it as a string/],
    [{ patch: { nested: { a: 1 } } }, /patch/],
    [{ limit: 0 }, /limit/],
    [{ after: 'x' }, /after: expected the next/],
    [{ after: 'nobody-1/7' }, /after: expected the next/],
    [{ type: null }, /type/],
    [{ ids: ['\ud800'] }, /ids.*well formed/],
    [{ filter: 'x' }, /filter/],
  ])('is refused, and why: %j', async (request, detail) => {
    expect(await redrive(request)).toMatchObject({
      status: 400,
      code: 'invalid_parameter',
      detail: expect.stringMatching(detail),
    })
  })

  it('needs the scopes to administer and to send', async () => {
    expect((await redrive({}, new Client(lake.url, KEYS.reader))).status).toBe(403)
    const admin = new Client(lake.url, KEYS.admin)
    expect((await redrive({}, admin)).counts).toEqual({ invalid: 1 })
    const answer = await redrive({ patch: { watched_at: '2025-10-02T21:10:00Z' } }, admin)
    expect(answer).toMatchObject({ status: 403, detail: expect.stringContaining('ingest') })
    expect(await waiting()).toEqual(['odd'])
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InfluxDB } from '@influxdata/influxdb-client'
import { defineEventType, instant, string, tableColumns } from '@sluice/events'
import type { ChangeBatch, Progress, RowChange, Store, StoredTable } from '@sluice/store/store'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { describeServer, influxEndpoint } from '../../../test/servers/endpoints.ts'
import { openStore as openEmbedded } from '../src/embedded.ts'
import { openStore } from '../src/server.ts'
import { faultyProxy } from './faulty-proxy.ts'
import { newBucket } from './influx-bucket.ts'
import { first, type Metric, metricRow, quality, step } from './quality-tables.ts'

await describeServer('InfluxDB', influxEndpoint, (server) => {
  let bucket: Awaited<ReturnType<typeof newBucket>>
  let store: Store
  const options = () => ({ ...server, bucket: bucket.name, now: () => Date.UTC(2025, 9, 8) })
  const opened = async (url = server.url) => {
    const another = await openStore({ ...options(), url })
    await another.prepare([quality])
    return another
  }

  beforeEach(async () => {
    bucket = await newBucket(server)
    store = await opened()
  })
  afterEach(async () => {
    await store.close()
    await bucket.drop()
  })

  const perMinute = async (region: string, from = '2025-10-02', to = '2025-10-03') =>
    (await store.ask('buffering-per-minute', { region, from, to }, 100_000)).rows.map((row) => [
      row.minute,
      row.buffering_count,
    ])
  const held = async (of = store) => (await of.inventory('streaming_quality', undefined, 10_000)).map((r) => r.identity)

  test('buffering is summed by minute and by day, the end left out', async () => {
    await store.apply(
      first([
        metricRow('a', { at: '2025-10-02T21:15:00.000000Z', count: 5 }),
        metricRow('b', { at: '2025-10-02T21:15:59.999999Z', count: 7, movie_id: 'm2' }),
        metricRow('c', { at: '2025-10-02T21:17:00.000000Z', count: 1 }),
        metricRow('d', { at: '2025-10-02T21:18:00.000000Z', count: null }),
        metricRow('e', { at: '2025-10-02T21:19:00.000000Z', count: 100 }),
        metricRow('f', { at: '2025-10-08T00:00:00.000000Z', count: 1000 }),
      ]),
    )
    expect(await perMinute('India', '2025-10-02T21:15:30Z', '2025-10-02T21:19:00Z')).toEqual([
      ['2025-10-02T21:15:00.000000Z', 7],
      ['2025-10-02T21:17:00.000000Z', 1],
    ])
    expect((await store.ask('buffering-trend', { region: 'India' }, 100)).rows).toEqual([
      { day: '2025-10-02', buffering_count: 113 },
    ])
    expect(await perMinute('India', '2025-10-03', '2025-10-02')).toEqual([])
  })

  test('metrics of one series and microsecond never overwrite each other, also in batches that follow', async () => {
    const ids = Array.from({ length: 990 }, (_, i) => `e${i}`)
    const rows = (from: number, to: number) => ids.slice(from, to).map((id) => metricRow(id, { count: 1 }))
    await store.apply(step(undefined, 1, rows(0, 400)))
    await store.apply(step(1, 2, rows(400, 800)))
    const another = await opened()
    await another.apply(step(2, 3, rows(800, 990)))
    await another.close()
    expect(await perMinute('India')).toEqual([['2025-10-02T21:15:00.000000Z', 990]])
    expect(await held()).toEqual([...ids].sort())
    const more = Array.from({ length: 20 }, (_, i) => metricRow(`more${i}`, { count: 1 }))
    const outcome = await store.apply(step(3, 4, more))
    expect(outcome.kind === 'applied' && outcome.refused.length).toBe(10)
    expect(await store.refusals('streaming_quality', undefined, 1)).toMatchObject([
      { reason: 'a series holds at most 1000 points of one microsecond' },
    ])
    expect(await perMinute('India')).toEqual([['2025-10-02T21:15:00.000000Z', 1000]])
  })

  test.each([
    '',
    ' ',
    "';--",
    'a\0b',
    'a\\',
    'a\\,b',
    'a\nb',
    '"',
    '$' + '{1}',
    '%null',
    'x'.repeat(5000),
    '__proto__',
    'line\\break',
  ])('a region of %j is found as it is, and deleted', async (region) => {
    const other = metricRow('b', { region: `${region.slice(1)}z`, count: 9 })
    await store.apply(first([metricRow('a', { region, count: 2 }), other]))
    expect(await perMinute(region)).toEqual([['2025-10-02T21:15:00.000000Z', 2]])
    await store.apply(step(1, 2, [metricRow('a', { region, op: 'delete', version: 2 })]))
    expect([await perMinute(region), await held()]).toEqual([[], ['b']])
  })

  test('rows beyond InfluxDB’s calendar and beyond its key length are refused, the others stored', async () => {
    const outcome = await store.apply(
      first([
        metricRow('a', { at: '9999-12-31T23:59:59.999999Z' }),
        metricRow('b', { at: '1677-09-22T23:59:59.999999Z' }),
        metricRow('c', { at: '1677-09-23T00:00:00.000000Z', region: 'Old', count: 2 }),
        metricRow('d', { at: '2262-04-09T23:59:59.999999Z', region: 'Late', count: 3 }),
        metricRow('e', { region: 'x'.repeat(50_000), movie_id: 'y'.repeat(50_000) }),
        metricRow('f', { count: 4 }),
      ]),
    )
    expect(outcome.kind === 'applied' && outcome.refused.map(({ identity }) => identity).sort()).toEqual([
      'a',
      'b',
      'e',
    ])
    expect(await held()).toEqual(['c', 'd', 'f'])
    expect(await perMinute('Late', '2025-01-01', '9999-01-01')).toEqual([['2262-04-09T23:59:00.000000Z', 3]])
    expect(await perMinute('Old', '0001-01-01', '2025-01-01')).toEqual([['1677-09-23T00:00:00.000000Z', 2]])
    expect(await perMinute('Old', '9998-01-01', '9999-01-01')).toEqual([])
    const trend = { region: 'Late', to: '9999-01-01', days: '999999999' }
    expect((await store.ask('buffering-trend', trend, 10)).rows).toEqual([{ day: '2262-04-09', buffering_count: 3 }])
    const reasons = (await store.refusals('streaming_quality', undefined, 10)).map(({ reason }) => reason)
    expect(reasons.slice(0, 2).every((reason) => reason.includes('from 1677-09-23 to 2262-04-09'))).toBe(true)
    expect(reasons[2]).toContain('max key length exceeded')
  })

  test('a field that somebody else wrote with another type is refused with InfluxDB’s words, and stored once it fits', async () => {
    const client = new InfluxDB({ url: server.url, token: server.token })
    const path = `/api/v2/write?org=${server.org}&bucket=${bucket.name}&precision=ns`
    await client.transport.request(path, 'streaming_quality,else=where buffering_count="many" 1759439700000000000', {
      method: 'POST',
    })
    const outcome = await store.apply(
      first([
        metricRow('a', { count: 1 }),
        metricRow('b', { count: null }),
        metricRow('c', { count: 2, at: '2025-09-02T21:15:00.000000Z' }),
      ]),
    )
    expect(outcome).toMatchObject({ refused: [{ identity: 'a', event_id: 'a' }] })
    const [refusal] = await store.refusals('streaming_quality', undefined, 10)
    expect(refusal?.reason).toContain('field type conflict')
    expect(await held()).toEqual(['b', 'c'])
    const later = metricRow('a', { count: null, version: 2 })
    expect(await store.apply(step(1, 2, [later]))).toEqual({ kind: 'applied', refused: [] })
    expect([await held(), await store.refusals('streaming_quality', undefined, 10)]).toEqual([['a', 'b', 'c'], []])
  })

  test('a newer row replaces its point and all its fields; an older one never comes back', async () => {
    const all = () => perMinute('India', '2025-10-02', '2025-10-04')
    await store.apply(step(undefined, 5, [metricRow('a', { count: 1, version: 5 })]))
    await store.apply(step(5, 6, [metricRow('a', { count: 2, at: '2025-10-03T00:00:00.000000Z', version: 6 })]))
    await store.apply(step(6, 7, [metricRow('a', { count: 1, version: 5 })]))
    expect(await all()).toEqual([['2025-10-03T00:00:00.000000Z', 2]])
    const another = await opened()
    await another.apply(step(7, 8, [metricRow('a', { count: null, at: '2025-10-03T00:00:00.000000Z', version: 8 })]))
    expect([await all(), await held()]).toEqual([[], ['a']])
    await another.apply(step(8, 9, [metricRow('a', { op: 'delete', version: 9 })]))
    await another.close()
    await store.apply(step(9, 10, [metricRow('a', { count: 2, version: 6 })]))
    expect([await all(), await held()]).toEqual([[], []])
    await store.apply(step(10, 11, [metricRow('a', { count: 7, version: 11 })]))
    expect([await all(), await held()]).toEqual([[['2025-10-02T21:15:00.000000Z', 7]], ['a']])
  })

  test('many rows deleted at once leave their neighbours', async () => {
    const minute = (i: number) => new Date(Date.UTC(2025, 9, 2) + i * 1000).toISOString().replace('Z', '000Z')
    const row = (i: number, more: Metric = {}) =>
      metricRow(`e${String(i).padStart(4, '0')}`, { at: minute(i), ...more })
    const all = Array.from({ length: 600 }, (_, i) => i)
    const gone = all.filter((i) => i < 200 || i % 3 === 0)
    await store.apply(first(all.map((i) => row(i))))
    await store.apply(
      step(
        1,
        2,
        gone.map((i) => row(i, { op: 'delete', version: 2 })),
      ),
    )
    expect(await held()).toEqual(all.filter((i) => !gone.includes(i)).map((i) => row(i).identity))
  })

  test('tables of one measurement do not meet, and forgetting one leaves the other; an absent tag is not an empty one', async () => {
    const [one, other] = ['door_seen', 'door_heard'].map(doors)
    await store.prepare([one!, other!])
    const row = (id: string, door: string | null): RowChange => ({
      op: 'upsert',
      identity: id,
      version: 1,
      row: { door, note: `${id} says "${door}"\n`, seen_at: '2025-10-02T21:15:00.000000Z', event_id: id },
    })
    const load = (table: string): ChangeBatch => ({ ...first([row('a', null), row('b', ''), row('c', 'x')]), table })
    await store.apply(load('door_seen'))
    await store.apply(load('door_heard'))
    const without = { ...row('a', null), op: 'delete', version: 2 } as const
    await store.apply({ ...step(1, 2, [without]), table: 'door_seen' })
    await store.forget('door_heard')
    expect((await store.inventory('door_seen', undefined, 10)).map(({ identity }) => identity)).toEqual(['b', 'c'])
    expect(await store.inventory('door_heard', undefined, 10)).toEqual([])
    expect(Object.keys(await store.progress())).toEqual(['door_seen'])
  })

  test('a table that was rebuilt under another id replaces what was left of the old one', async () => {
    await store.apply(step(undefined, 500, [metricRow('a', { version: 500 }), metricRow('old', { version: 500 })]))
    const proxy = await faultyProxy(server.url)
    const cut = await opened(proxy.url)
    proxy.befall((path) => (path.includes('/delete') ? 503 : undefined))
    await expect(cut.forget('streaming_quality')).rejects.toMatchObject({ code: 'busy', retryable: true })
    await cut.close()
    await proxy.close()
    const next = { table_id: 't2', version: 3 }
    const rebuilt = {
      table: 'streaming_quality',
      expected: undefined,
      next,
      changes: [metricRow('a', { version: 3, count: 8 })],
    }
    expect(await store.apply(rebuilt)).toEqual({ kind: 'applied', refused: [] })
    expect([await held(), await perMinute('India')]).toEqual([['a'], [['2025-10-02T21:15:00.000000Z', 8]]])
  })

  test('wherever a batch is cut off, it is made whole by the next try, by the same process or another', async () => {
    const proxy = await faultyProxy(server.url)
    const base = [metricRow('a', { count: 1 }), metricRow('b', { count: 2 }), metricRow('c', { count: 4 })]
    const changes = [
      metricRow('a', { count: 8, at: '2025-10-02T22:00:00.000000Z', version: 2 }),
      metricRow('b', { op: 'delete', version: 2 }),
      metricRow('c', { region: 'x'.repeat(60_001), version: 2 }),
      ...Array.from({ length: 300 }, (_, i) =>
        metricRow(`n${i}`, { count: 1, at: '2025-10-02T23:00:00.000000Z', movie_id: `m${i % 4}`, version: 2 }),
      ),
    ]
    for (const fault of ['cut before', 'cut after'] as const)
      for (let request = 0, ended = false; !ended; request++) {
        const same = (request % 2 === 0) === (fault === 'cut before')
        const name = `${fault} at request ${request}, ${same ? 'same' : 'another'} process`
        await store.forget('streaming_quality')
        await store.apply(first(base))
        const through = await opened(proxy.url)
        let seen = 0
        proxy.befall(() => (seen++ === request ? fault : undefined))
        const outcome = await through.apply(step(1, 2, changes)).catch((error: unknown) => error)
        proxy.befall(() => undefined)
        ended = seen <= request
        if (!ended) expect(outcome, name).toMatchObject({ retryable: true })
        const again = await (same ? through : store).apply(step(1, 2, changes))
        if (again.kind === 'applied')
          expect(
            again.refused.map(({ identity }) => identity),
            name,
          ).toEqual(['c'])
        expect((await store.progress())['streaming_quality'], name).toEqual({ table_id: 't1', version: 2 })
        expect((await held()).length, name).toBe(301)
        expect(await perMinute('India'), name).toEqual([
          ['2025-10-02T22:00:00.000000Z', 8],
          ['2025-10-02T23:00:00.000000Z', 300],
        ])
        await through.close()
      }
    await proxy.close()
  })

  test('two sinks of one table stay exact', async () => {
    const chunks = Array.from({ length: 12 }, (_, chunk) =>
      Array.from({ length: 60 }, (_, i) => metricRow(`e${chunk}-${i}`, { count: 1, movie_id: `m${i % 2}` })),
    )
    const follow = async (sink: Store) => {
      for (;;) {
        const progress = (await sink.progress())['streaming_quality']
        const from = progress ? progress.version + 1 : 0
        const changes = chunks[from]
        if (!changes) return
        const expected: Progress | undefined = progress
        await sink.apply({ ...step(undefined, from, changes), expected })
      }
    }
    const another = await opened()
    await Promise.all([follow(store), follow(another)])
    await another.close()
    expect(await perMinute('India')).toEqual([['2025-10-02T21:15:00.000000Z', 720]])
    expect((await held()).length).toBe(720)
  })

  test('whatever changes come, the server answers as the embedded store does', async () => {
    const change = fc.record({
      id: fc.integer({ min: 0, max: 12 }),
      region: fc.constantFrom('India', '', 'US,East', 'line\\break'),
      second: fc.integer({ min: 0, max: 3 }),
      count: fc.option(fc.integer({ min: 0, max: 9 })),
      op: fc.constantFrom('upsert' as const, 'upsert' as const, 'delete' as const),
      age: fc.integer({ min: 0, max: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }),
        async (batches) => {
          const folder = mkdtempSync(join(tmpdir(), 'sluice-series-'))
          const twin = await openEmbedded({ folder })
          await twin.prepare([quality])
          await store.forget('streaming_quality')
          // A version of a table has one content of a row: whatever comes of it again is that.
          const contents = new Map<string, (typeof batches)[number][number]>()
          for (const [n, changes] of batches.entries()) {
            const rows = changes.map((change) => {
              const version = Math.max(0, n * 3 - change.age)
              const at = `${change.id} at ${version}`
              const { id, region, second, count, op } = contents.get(at) ?? change
              contents.set(at, contents.get(at) ?? change)
              return metricRow(`e${id}`, { region, count, op, at: `2025-10-02T21:15:0${second}.000000Z`, version })
            })
            const batch = step(n === 0 ? undefined : n - 1, n, rows)
            expect(await store.apply(batch)).toEqual(await twin.apply(batch))
          }
          for (const region of ['India', '', 'US,East', 'line\\break']) {
            const asked = { region, from: '2025-10-02', to: '2025-10-03' }
            const [ours, theirs] = await Promise.all(
              [store, twin].map((each) => each.ask('buffering-per-minute', asked, 100)),
            )
            expect(ours?.rows).toEqual(theirs?.rows)
          }
          expect(await held()).toEqual(await held(twin))
          await twin.close()
          rmSync(folder, { recursive: true })
        },
      ),
      { numRuns: 15 },
    )
  })
})

const doors = (table: string): StoredTable => {
  const type = defineEventType({
    type: table,
    table,
    description: '',
    fields: { door: string(), note: string(), seen_at: instant({ required: true }) },
    stores: { influxdb: { measurement: 'doors, all', tags: ['door'], fields: ['note'], time: 'seen_at' } },
    example: { type: table, seen_at: '2025-10-02T21:15:00' },
  })
  return { type, table, columns: tableColumns(type) }
}

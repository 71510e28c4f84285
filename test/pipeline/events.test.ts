import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { LakeProcess } from './lake-process.ts'
import { click, movie, view } from './world.ts'

let lake: LakeProcess
let client: Client
beforeAll(async () => {
  lake = await LakeProcess.start()
  client = new Client(lake.url)
})
afterAll(() => lake.remove())

const NDJSON = 'application/x-ndjson'

describe('the three events of the brief', () => {
  const brief = [
    '{ "type": "viewing_log", "user_id": "u123", "movie_id": "m101", "watched_at": "2025-10-02T21:10:00", "device": "iPhone", "duration_minutes": 120 }',
    '{ "type": "system_metric", "region": "India", "movie_id": "m101", "buffering_count": 5, "avg_bitrate": 3.2, "collected_at": "2025-10-02T21:15:00" }',
    '{ "type": "post", "post_id": "p999", "user_id": "u123", "content": "Check out this new movie trailer!", "media": ["trailer.mp4", "poster.jpg"] }',
  ]

  it('reach raw, tables and all their stores, and can be followed', async () => {
    const ids: string[] = []
    for (const text of brief) {
      const sent = await client.post(text, { query: 'wait=stores&timeout_ms=60000' })
      expect([sent.status, sent.accepted, sent.results[0]?.status]).toEqual([202, 1, 'stored'])
      ids.push(sent.results[0]!.event_id)
    }
    const raw = await client.sql('SELECT event_id, event::VARCHAR AS text FROM raw.events')
    expect(ids.map((id) => raw.find((row) => row['event_id'] === id)?.['text'])).toEqual(brief)
    const trails = await Promise.all(ids.map((id) => client.trail(id)))
    expect(trails.map(({ type, outcome, table }) => [type, outcome, table?.name])).toEqual([
      ['viewing_log', 'stored', 'viewing_history'],
      ['system_metric', 'stored', 'streaming_quality'],
      ['post', 'stored', 'posts'],
    ])
    expect(
      trails.map(({ sinks }) =>
        Object.entries(sinks).flatMap(([name, { status }]) => (status === 'written' ? [name] : [])),
      ),
    ).toEqual([['postgres', 'neo4j'], ['influxdb'], ['postgres', 'elasticsearch']])
    expect(await client.sql("SELECT watched_at, duration_minutes FROM viewing_history WHERE user_id = 'u123'")).toEqual(
      [{ watched_at: '2025-10-02T21:10:00Z', duration_minutes: 120 }],
    )
    expect(await client.sql('SELECT post_id, position, name FROM post_media ORDER BY position')).toEqual([
      { post_id: 'p999', position: 0, name: 'trailer.mp4' },
      { post_id: 'p999', position: 1, name: 'poster.jpg' },
    ])
  })
})

describe('every form of POST /v1/events', () => {
  const lines = (events: object[]) => `${events.map((event) => JSON.stringify(event)).join('\n')}\n`
  const outcomes = async (ids: string[]) =>
    (
      await client.sql(
        `SELECT event_id, outcome FROM ledger WHERE event_id IN (${ids.map((id) => `'${id}'`)}) ORDER BY 1, 2`,
      )
    ).map(({ event_id, outcome }) => `${event_id} ${outcome}`)
  const wait = 'wait=table&timeout_ms=60000'

  it('an array, NDJSON, gzip, zstd and deflate give the same rows', async () => {
    const forms: [string, Parameters<Client['post']>][] = [
      ['array', [[click('form-array')], { query: wait }]],
      ['ndjson', [lines([click('form-ndjson')]), { content_type: NDJSON, query: wait }]],
      [
        'gzip',
        [
          gzipSync(lines([click('form-gzip')])),
          { content_type: NDJSON, query: wait, headers: { 'content-encoding': 'gzip' } },
        ],
      ],
      [
        'zstd',
        [
          zstdCompressSync(JSON.stringify([click('form-zstd')])),
          { query: wait, headers: { 'content-encoding': 'zstd' } },
        ],
      ],
      [
        'deflate',
        [
          deflateSync(JSON.stringify(click('form-deflate'))),
          { query: wait, headers: { 'content-encoding': 'deflate' } },
        ],
      ],
    ]
    const sent = await Promise.all(forms.map(([, args]) => client.post(...args)))
    expect(sent.map(({ status, results }) => [status, results[0]?.event_id, results[0]?.status])).toEqual(
      forms.map(([name]) => [202, `form-${name}`, 'stored']),
    )
    const rows = await client.sql(
      "SELECT DISTINCT * EXCLUDE (event_id, received_at, raw_batch, raw_line) FROM clickstream WHERE event_id LIKE 'form-%'",
    )
    expect(rows).toEqual([
      { user_id: 'u1', product_id: 'p1', action: 'view', clicked_at: '2025-10-02T21:10:00Z', _extra: null },
    ])
  })

  it('CloudEvents, alone and in a batch, have the fields of their data and an id of their own or of their source', async () => {
    const { type, event_id: _, ...data } = click('')
    const wrapped = (id: string, more: object = {}) => ({
      specversion: '1.0',
      id,
      source: '/shop',
      type,
      data,
      ...more,
    })
    const uuid = '6f2d3a1e-8f43-4d64-9d6e-6a6c2f1c7a11'
    const one = await client.post(wrapped('7', { subject: 'cart' }), {
      content_type: 'application/cloudevents+json',
      query: wait,
    })
    const batch = await client.post([wrapped(uuid), wrapped('8')], {
      content_type: 'application/cloudevents-batch+json',
      query: wait,
    })
    expect([one, batch].flatMap(({ results }) => results.map(({ event_id, status }) => [event_id, status]))).toEqual([
      ['/shop/7', 'stored'],
      [uuid, 'stored'],
      ['/shop/8', 'stored'],
    ])
    expect(await client.sql("SELECT user_id, product_id FROM clickstream WHERE event_id = '/shop/7'")).toEqual([
      { user_id: 'u1', product_id: 'p1' },
    ])
    expect(
      await client.sql("SELECT form, event->>'subject' AS subject FROM raw.events WHERE event_id = '/shop/7'"),
    ).toEqual([{ form: 'cloudevent', subject: 'cart' }])
    expect(await client.sql("SELECT product_id FROM raw.click WHERE event_id = '/shop/7'")).toEqual([
      { product_id: 'p1' },
    ])
  })

  it('raw.<type> has null where a value is not what the type wants, and rounds nothing', async () => {
    const viewings = [
      '"duration_minutes": 1.5, "device": {"a": 1}',
      '"duration_minutes": "1_000", "device": "TV"',
      '"duration_minutes": 120.0, "device": 7',
      '"duration_minutes": "90", "device": true',
    ].map((fields, i) => `{"type": "viewing_log", "event_id": "read-${i}", ${fields}}`)
    const payments = ['1.005', '"7.10"', '8', '"1e1"', '"5."', '"1.23456e2"'].map(
      (amount, i) => `{"type": "payment", "event_id": "paid-${i}", "amount": ${amount}}`,
    )
    await client.post(`[${[...viewings, ...payments].join(',')}]`)
    await client.caughtUp()
    const read = (columns: string, type: string, ids: string) =>
      client.sql(`SELECT ${columns} FROM raw.${type} WHERE event_id LIKE '${ids}-%' ORDER BY event_id`)
    expect(await read('duration_minutes AS n, device AS d', 'viewing_log', 'read')).toEqual([
      { n: null, d: null },
      { n: null, d: 'TV' },
      { n: 120, d: '7' },
      { n: 90, d: null },
    ])
    expect((await read('amount', 'payment', 'paid')).map(({ amount }) => amount)).toEqual([
      null,
      '7.10',
      '8.00',
      '10.00',
      null,
      null,
    ])
  })

  it('an Idempotency-Key makes the same request again a repeat', async () => {
    const { event_id: _, ...event } = click('')
    const send = () => client.post([event, event], { query: wait, headers: { 'idempotency-key': 'order-17' } })
    const [first, second] = [await send(), await send()]
    expect(first.results.map(({ status }) => status)).toEqual(['stored', 'stored'])
    expect(second.results.map(({ status }) => status)).toEqual(['repeat', 'repeat'])
    expect(second.results.map(({ event_id }) => event_id)).toEqual(first.results.map(({ event_id }) => event_id))
  })

  it('the same event in other forms is a repeat, other content under its id a conflict', async () => {
    const event = view('twice', { watched_at: '2025-10-02T21:10:00', duration_minutes: 120 })
    expect(await client.settle(event)).toBe('stored')
    const { type, event_id, ...data } = event
    const repeats = [
      '{"watched_at":"2025-10-03T02:40:00.000+05:30","duration_minutes":"120", "type":"viewing_log","movie_id":"m1","user_id":"u1","event_id":"twice"}',
      { ...event, duration_minutes: 120.0, device: null },
    ]
    for (const repeat of repeats) expect(await client.settle(repeat)).toBe('repeat')
    const wrapped = { specversion: '1.0', type, source: 'tv', data: { ...data, event_id } }
    const sent = await client.post(wrapped, { content_type: 'application/cloudevents+json', query: wait })
    expect(sent.results[0]).toMatchObject({ event_id: 'twice', status: 'repeat' })
    expect(await client.settle({ ...event, duration_minutes: 121 })).toBe('quarantined')
    expect(await outcomes(['twice'])).toEqual([
      'twice quarantined',
      'twice repeat',
      'twice repeat',
      'twice repeat',
      'twice stored',
    ])
    expect(
      await client.sql(
        "SELECT reason, text::JSON->>'duration_minutes' AS minutes FROM quarantine WHERE event_id = 'twice'",
      ),
    ).toEqual([{ reason: 'id_conflict', minutes: '121' }])
    const trail = await client.trail('twice')
    expect([trail.outcome, trail.repeats, trail.quarantine?.reason]).toEqual(['stored', 3, 'id_conflict'])
  })

  it('the same id many times in one request is stored once', async () => {
    const copies = Array.from({ length: 5 }, () => click('crowd'))
    const { results } = await client.post([...copies, click('crowd', { action: 'other' })], { query: wait })
    expect(results.map(({ status }) => status).sort()).toEqual([
      'quarantined',
      'repeat',
      'repeat',
      'repeat',
      'repeat',
      'stored',
    ])
  })

  it('a valid event closes the quarantine of its id; the bad one again is then a repeat', async () => {
    const bad = view('mended', { watched_at: 'yesterday' })
    expect([await client.settle(bad), await client.settle(bad)]).toEqual(['quarantined', 'repeat'])
    expect(
      (await client.get('/v1/quarantine?reason=schema_violation')).events.map(
        (row: { event_id: string }) => row.event_id,
      ),
    ).toContain('mended')
    expect(await client.settle(view('mended'))).toBe('stored')
    const { outcome, quarantine, raw } = await client.trail('mended')
    expect([outcome, quarantine?.field, quarantine?.closed_by]).toEqual([
      'stored',
      'watched_at',
      `${raw.batch}/${raw.line}`,
    ])
    expect((await client.get('/v1/quarantine')).events.map((row: { event_id: string }) => row.event_id)).not.toContain(
      'mended',
    )
    expect(await client.settle(bad)).toBe('repeat')
  })

  it('an unknown type is warned of, kept raw and quarantined', async () => {
    const sent = await client.post({ type: 'hologram_log', event_id: 'beam', beam: 1.1 }, { query: wait })
    expect(sent.results[0]).toMatchObject({
      status: 'quarantined',
      warning: expect.stringContaining('Unknown event type'),
    })
    const events = (await client.get('/v1/quarantine?type=hologram_log')).events
    expect(events).toMatchObject([
      { event_id: 'beam', reason: 'unknown_type', message: '⚠️ Unknown event type: hologram_log' },
    ])
    expect(await client.sql('SELECT event_id FROM raw.hologram_log')).toEqual([{ event_id: 'beam' }])
  })

  it('fields that a type does not know are in _extra as they were', async () => {
    await client.settle(
      '{"type":"click","event_id":"more","user_id":"u1","product_id":"p1","action":"view","clicked_at":"2025-10-02T21:10:00Z","n":12345678901234567890.10,"deep":{"a":[1,{"b":"\\u00e9"}]},"__proto__":{"x":1}}',
    )
    const [row] = await client.sql("SELECT _extra FROM clickstream WHERE event_id = 'more'")
    expect(row?.['_extra']).toContain('12345678901234567890.10')
    expect(JSON.parse(String(row?.['_extra']))).toMatchObject({ deep: { a: [1, { b: 'é' }] } })
    expect(Object.keys(JSON.parse(String(row?.['_extra'])))).toEqual(['n', 'deep', '__proto__'])
  })

  it('strict conversion names the field that is wrong', async () => {
    const wrong = [
      [view('w-1', { duration_minutes: 1.5 }), 'duration_minutes'],
      [view('w-2', { user_id: null }), 'user_id'],
      [view('w-3', { watched_at: '2025-02-30T00:00:00Z' }), 'watched_at'],
      [
        {
          type: 'payment',
          event_id: 'w-4',
          payment_id: 'p',
          subscription_id: 's',
          user_id: 'u',
          amount: '1.005',
          currency: 'INR',
          paid_at: '2025-01-01',
        },
        'amount',
      ],
      [view('w-5', { device: { brand: 'x' } }), 'device'],
    ] as const
    const sent = await client.post(
      wrong.map(([event]) => event),
      { query: wait },
    )
    expect(sent.results.map(({ status }) => status)).toEqual(wrong.map(() => 'quarantined'))
    expect(
      await client.sql("SELECT event_id, reason, field FROM quarantine WHERE event_id LIKE 'w-%' ORDER BY 1"),
    ).toEqual(wrong.map(([event, field]) => ({ event_id: event.event_id, reason: 'schema_violation', field })))
  })

  it('the quarantine is listed page by page', async () => {
    const pages: { events: { event_id: string }[]; next?: string }[] = []
    for (let next: string | undefined = ''; next !== undefined; next = pages.at(-1)?.next)
      pages.push(await client.get(`/v1/quarantine?limit=3${next && `&after=${encodeURIComponent(next)}`}`))
    expect(pages.length).toBeGreaterThan(2)
    expect(pages.slice(0, -1).map(({ events }) => events.length)).toEqual(pages.slice(1).map(() => 3))
    const ids = pages.flatMap(({ events }) => events.map(({ event_id }) => ({ event_id })))
    expect(ids).toEqual(
      await client.sql(
        'SELECT event_id FROM quarantine WHERE closed_by IS NULL ORDER BY received_at DESC, raw_batch DESC, raw_line DESC',
      ),
    )
    for (const wrong of ['limit=0', 'limit=1001', 'limit=many', 'after=x'])
      expect((await client.call('GET', `/v1/quarantine?${wrong}`)).status).toBe(400)
  })

  it('a page of the quarantine ends early where the texts are long, and loses none', async () => {
    const sent = Array.from({ length: 20 }, (_, i) => ({
      type: 'long_log',
      event_id: `long-${i}`,
      text: 'x'.repeat(1e6),
    }))
    for (const event of sent) await client.post([event], { query: wait })
    const listed: { event_id: string }[] = []
    const pages: number[] = []
    for (let next: string | undefined = ''; next !== undefined; ) {
      const page = await client.get(`/v1/quarantine?type=long_log${next && `&after=${encodeURIComponent(next)}`}`)
      listed.push(...page.events)
      pages.push(page.events.length)
      next = page.next
    }
    expect(pages).toEqual([17, 3])
    expect(listed.map(({ event_id }) => event_id)).toEqual(sent.map(({ event_id }) => event_id).reverse())
  })

  it('?wait= says stored, quarantined or repeat; accepted where the time is over; refusals beside them', async () => {
    const sent = await client.post([click('w-ok'), click('w-ok'), { type: 'nothing' }, 7], { query: wait })
    expect([sent.status, sent.accepted, sent.rejected, sent.results.map(({ status }) => status)]).toEqual([
      207,
      3,
      1,
      ['stored', 'repeat', 'quarantined', 'rejected'],
    ])
    expect((await client.post(click('w-soon'), { query: 'wait=table&timeout_ms=0' })).results[0]?.status).toBe(
      'accepted',
    )
    expect((await client.post(click('w-no'), { query: 'wait=moon' })).code).toBe('invalid_parameter')
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        client.post(view(`w-many-${i}`, { user_id: `u${i}` }), { query: 'wait=stores&timeout_ms=30000' }),
      ),
    )
    expect(new Set(all.map(({ results }) => results[0]?.status))).toEqual(new Set(['stored']))
    expect(
      (await client.ask('watched-by-user', { user_id: 'u7' })).map(({ movie_id, views }) => [movie_id, views]),
    ).toEqual([['m1', 1]])
  })

  it('an older event of a keyed table is stored, superseded at once, and waited for like any other', async () => {
    expect(await client.settle(movie('film-new', 'm77', 'New', '2025-08-20T00:00:00Z'), 'stores')).toBe('stored')
    expect(await client.settle(movie('film-old', 'm77', 'Old', '2025-08-01T00:00:00Z'), 'stores')).toBe('stored')
    expect(await client.sql("SELECT title FROM movies WHERE movie_id = 'm77'")).toEqual([{ title: 'New' }])
    expect(await client.trail('film-old')).toMatchObject({ outcome: 'stored', superseded_by: 'film-new' })
  })

  it('bodies that are too large, torn, of another encoding or type are refused with a reason', async () => {
    const refusals = await Promise.all([
      client.post('[{"type":"click"},'),
      client.post('{}', { content_type: 'application/xml' }),
      client.post(gzipSync('{}').subarray(0, 10), { headers: { 'content-encoding': 'gzip' } }),
      client.post('x', { headers: { 'content-encoding': 'br' } }),
      client.post(gzipSync(Buffer.alloc(40 * 1024 * 1024, ' ')), { headers: { 'content-encoding': 'gzip' } }),
      client.post(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])),
      client.post(''),
      client.post({ type: 'click' }, { headers: { 'idempotency-key': 'x'.repeat(300) } }),
    ])
    expect(refusals.map(({ status, code }) => [status, code])).toEqual([
      [400, 'invalid_json'],
      [415, 'unsupported_media_type'],
      [400, 'invalid_encoding'],
      [415, 'unsupported_encoding'],
      [413, 'body_too_large'],
      [400, 'invalid_utf8'],
      [400, 'no_events'],
      [400, 'invalid_idempotency_key'],
    ])
  })

  it('at the end everything reconciles', async () => {
    const report = await client.verify()
    expect(report).toMatchObject({ ok: true, raw: { missing: 0 } })
    const { receipts, stored, quarantined, repeats } = report.totals
    expect(receipts).toBe(stored + quarantined + repeats)
    expect(receipts).toBe(report.raw.lines)
  })
})

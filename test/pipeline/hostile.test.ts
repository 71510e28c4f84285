import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { NAMES } from './hostile-names.ts'
import { LakeProcess } from './lake-process.ts'
import { movie, view } from './world.ts'

let lake: LakeProcess
let client: Client
beforeAll(async () => {
  lake = await LakeProcess.start()
  client = new Client(lake.url)
})
afterAll(() => lake.remove())

const NUL = 'with\u0000nul'

const movieEvent = (i: number) => `h-movie-${i} \\x é \\`

const minutes = (i: number) => new Date(Date.UTC(2025, 9, 1) + i * 60_000).toISOString().replace('.000Z', 'Z')

describe('hostile names come out as they went in', () => {
  const events = NAMES.flatMap((name, i) => [
    movie(movieEvent(i), name, name, '2025-08-01', {
      cast: [name, `${name} junior`],
      related_to: [`to ${name}`],
      subtitles: `unique${i} ${name}`,
    }),
    view(`h-view-${i}`, { user_id: name, movie_id: name, device: name, city: name }),
    {
      type: 'system_metric',
      event_id: `h-metric-${i}`,
      region: name,
      movie_id: name,
      buffering_count: i,
      collected_at: minutes(i),
    },
    {
      type: 'post',
      event_id: `h-post-${i}`,
      post_id: name,
      user_id: name,
      content: `unique${i} ${name}`,
      media: [name],
      posted_at: '2025-08-01',
    },
    {
      type: 'payment',
      event_id: `h-pay-${i}`,
      payment_id: name,
      subscription_id: name,
      user_id: name,
      amount: '0.10',
      currency: name,
      paid_at: '2025-08-01',
    },
    {
      type: 'recommendation',
      event_id: `h-rec-${i}`,
      user_id: name,
      movie_id: name,
      because_of: name,
      reason: name,
      score: 0.5,
      recommended_at: '2025-08-01',
    },
    {
      type: 'click',
      event_id: `h-click-${i}`,
      user_id: name,
      product_id: name,
      action: 'view',
      clicked_at: '2025-08-01',
      [name]: name,
      nested: { [name]: [name] },
    },
  ])
  const byId = (rows: readonly object[]) => new Map(rows.map((row) => [String(Object.values(row)[0]), row]))

  beforeAll(async () => {
    const sent = await client.post(events)
    expect([sent.status, sent.accepted]).toEqual([202, events.length])
    await client.caughtUp()
  })

  it('of raw', async () => {
    const rows = byId(
      await client.sql("SELECT event_id, event::VARCHAR AS text FROM raw.events WHERE event_id LIKE 'h-%'"),
    )
    for (const event of events)
      expect(rows.get(event.event_id)).toEqual({ event_id: event.event_id, text: JSON.stringify(event) })
  })

  it('of tables', async () => {
    const views = byId(await client.sql('SELECT event_id, user_id, movie_id, device, city FROM viewing_history'))
    const movies = byId(await client.sql('SELECT event_id, movie_id, title, "cast" FROM movies'))
    const clicks = byId(await client.sql('SELECT event_id, product_id, _extra FROM clickstream'))
    for (const [i, name] of NAMES.entries()) {
      expect(views.get(`h-view-${i}`)).toEqual({
        event_id: `h-view-${i}`,
        user_id: name,
        movie_id: name,
        device: name,
        city: name,
      })
      expect(movies.get(movieEvent(i))).toEqual({
        event_id: movieEvent(i),
        movie_id: name,
        title: name,
        cast: [name, `${name} junior`],
      })
      const { _extra } = { _extra: '', ...clicks.get(`h-click-${i}`) }
      expect(_extra).toBe(JSON.stringify({ [name]: name, nested: { [name]: [name] } }))
    }
    expect(await client.sql('SELECT count(*) AS n FROM post_media')).toEqual([{ n: NAMES.length }])
  })

  it.each(NAMES.map((name, i) => [JSON.stringify(name).slice(0, 60), name, i] as const))(
    'of all stores: %s',
    async (_, name, i) => {
      // A client may send what it got: in a query string a name is escaped as any other.
      expect(await client.ask('watched-by-user', { user_id: name })).toMatchObject([
        { movie_id: name, title: name, views: 1 },
      ])
      expect(await client.ask('payments-of', { user_id: name })).toMatchObject([
        { payment_id: name, subscription_id: name, currency: name },
      ])
      expect(
        await client.ask('buffering-per-minute', { region: name, from: '2025-10-01', to: '2025-10-02' }),
      ).toMatchObject([{ buffering_count: i }])
      expect(await client.ask('movies-with-actor', { actor: `${name} junior` })).toMatchObject([
        { movie_id: name, title: name, cast: [name, `${name} junior`] },
      ])
      expect(await client.ask('posts-about', { text: `unique${i}` })).toMatchObject([
        { post_id: name, user_id: name, content: `unique${i} ${name}` },
      ])
      expect(await client.ask('movies-by-subtitle', { text: `unique${i}` })).toMatchObject([
        { movie_id: name, title: name },
      ])
      expect(await client.ask('why-recommended', { user_id: name, movie_id: name })).toMatchObject([
        { reason: name, because_of: name, score: 0.5 },
      ])
      expect(await client.ask('because-you-watched', { user_id: name })).toMatchObject([
        { movie_id: `to ${name}`, because_of: name },
      ])
      expect(await client.ask('most-watched', { city: name, hour: 21 })).toMatchObject([
        { movie_id: name, title: name, views: 1 },
      ])
      expect(await client.ask('views-of-product', { product_id: name })).toEqual([{ user_id: name, total_views: 1 }])
    },
  )

  it('nothing else was touched, and it reconciles', async () => {
    expect(Object.prototype).not.toHaveProperty('junior')
    const report = await client.verify()
    expect(report.ok, JSON.stringify(report)).toBe(true)
    expect(report.totals).toMatchObject({ stored: events.length, quarantined: 0 })
  })
})

describe('what a store cannot hold it refuses, with its reason, and nothing else suffers', () => {
  it('NUL', async () => {
    const sent = await client.post(
      [
        view('nul-view', { user_id: NUL, movie_id: NUL }),
        view('nul-good', { user_id: 'beside', movie_id: 'm1' }),
        { type: 'post', event_id: 'nul-post', post_id: NUL, user_id: NUL, content: `nulls ${NUL}` },
        {
          type: 'system_metric',
          event_id: 'nul-metric',
          region: NUL,
          movie_id: NUL,
          buffering_count: 77,
          collected_at: '2025-10-03T00:00:00Z',
        },
      ],
      { query: 'wait=stores&timeout_ms=30000' },
    )
    expect(sent.results.map(({ status }) => status)).toEqual(['stored', 'stored', 'stored', 'stored'])
    expect(await client.sql("SELECT user_id FROM viewing_history WHERE event_id = 'nul-view'")).toEqual([
      { user_id: NUL },
    ])
    const outcomes: [string, string, () => Promise<object[]>, object][] = [
      ['nul-view', 'postgres', () => client.ask('watched-by-user', { user_id: NUL }), { movie_id: NUL }],
      ['nul-view', 'neo4j', () => client.ask('because-you-watched', { user_id: NUL }), {}],
      ['nul-post', 'postgres', async () => [], {}],
      ['nul-post', 'elasticsearch', () => client.ask('posts-about', { text: 'nulls' }), { content: `nulls ${NUL}` }],
      [
        'nul-metric',
        'influxdb',
        () => client.ask('buffering-trend', { region: NUL, to: '2025-10-04', days: 7 }),
        { buffering_count: 77 },
      ],
    ]
    for (const [id, store, ask, row] of outcomes) {
      const { status, reason } = (await client.trail(id)).sinks[store] ?? {}
      if (status === 'refused') expect(reason, `${id} ${store}`).toMatch(/\w{4}/)
      else {
        expect(status, `${id} ${store}`).toBe('written')
        const [first] = await ask()
        if (Object.keys(row).length > 0) expect(first, `${id} ${store}`).toMatchObject(row)
      }
    }
    expect((await client.ask('watched-by-user', { user_id: 'beside' })).length).toBe(1)
    const report = await client.verify()
    expect(report.ok, JSON.stringify(report)).toBe(true)
  })

  it('an id that is too long for an index or a graph', async () => {
    expect(await client.settle(view('long-id', { user_id: 'x'.repeat(100_000) }), 'stores')).toBe('stored')
    const { sinks } = await client.trail('long-id')
    expect([sinks['postgres']?.status, sinks['neo4j']?.status]).toEqual(['refused', 'refused'])
    const report = await client.verify()
    expect(report.ok, JSON.stringify(report).slice(0, 2000)).toBe(true)
  })

  it('a key whose newest row is refused, and then is good again', async () => {
    const steps = [`before`, NUL, `after`]
    for (const [i, title] of steps.entries()) {
      const film = movie(`refused-${i}`, 'm-refused', title, `2025-08-0${i + 1}`, { subtitles: `step${i}` })
      expect(await client.settle(film, 'stores')).toBe('stored')
      const report = await client.verify()
      expect(report.ok, JSON.stringify(report)).toBe(true)
      const { status } = (await client.trail(`refused-${i}`)).sinks['postgres'] ?? {}
      expect(status).toBe(title === NUL ? 'refused' : 'written')
    }
    expect(await client.ask('movies-by-subtitle', { text: 'step2' })).toMatchObject([{ title: 'after' }])
  })

  it('an id with NUL is quarantined, closed and repeated like any other', async () => {
    const bad = view(NUL, { watched_at: 'never' })
    const good = view(NUL)
    const statuses = []
    for (const event of [bad, good, good, bad]) statuses.push(await client.settle(event))
    expect(statuses).toEqual(['quarantined', 'stored', 'repeat', 'repeat'])
    expect((await client.trail(NUL)).quarantine?.closed_by).toMatch(/\/\d+$/)
  })

  it('ids of any kind have their trail', async () => {
    const ids = [...NAMES.filter((name) => name.length <= 256), 'a/b?c=d&e#f%20', '.', '..', 'é'.repeat(256)]
    const sent = await client.post(
      ids.map((id) => ({ type: 'hologram_log', event_id: `id ${id}` })).slice(0, ids.length - 1),
      { query: 'wait=table' },
    )
    expect(sent.rejected).toBe(0)
    for (const { event_id } of sent.results) expect((await client.trail(event_id)).event_id).toBe(event_id)
    expect((await client.post({ type: 'click', event_id: 'é'.repeat(257) })).results[0]?.error?.code).toBe(
      'invalid_event_id',
    )
  })
})

describe('numbers, sizes and shapes', () => {
  it('numbers beyond 2^53 stay what they were', async () => {
    const text =
      '{"type":"viewing_log","event_id":"big","user_id":12345678901234567890.10,"movie_id":-0,"watched_at":"2025-10-02T21:10:00.123456789Z","duration_minutes":1.2e2,"n":9007199254740993,"tiny":1e-400,"f":0.1000}'
    expect(await client.settle(text)).toBe('stored')
    expect(
      await client.sql(
        "SELECT user_id, movie_id, watched_at, duration_minutes, _extra FROM viewing_history WHERE event_id = 'big'",
      ),
    ).toEqual([
      {
        user_id: '12345678901234567890.10',
        movie_id: '-0',
        watched_at: '2025-10-02T21:10:00.123456Z',
        duration_minutes: 120,
        _extra: '{"n":9007199254740993,"tiny":1e-400,"f":0.1000}',
      },
    ])
    expect(await client.sql("SELECT event::VARCHAR AS text FROM raw.events WHERE event_id = 'big'")).toEqual([{ text }])
    expect(await client.ask('watched-by-user', { user_id: '12345678901234567890.10' })).toMatchObject([
      { movie_id: '-0' },
    ])
    for (const duration_minutes of ['2147483648', '-2147483649', '1e400', '1.5', 'true', '[1]', '"1.5"'])
      expect(
        await client.settle(
          `{"type":"viewing_log","event_id":${JSON.stringify(`int ${duration_minutes}`)},"user_id":"u","movie_id":"m","watched_at":"2025-10-02","duration_minutes":${duration_minutes}}`,
        ),
      ).toBe('quarantined')
  })

  it('a string of 1 MB is kept whole everywhere; one of 10 MB is refused', async () => {
    const long = `megabyte ${'wörd '.repeat(200_000)}`
    const post = {
      type: 'post',
      event_id: 'long',
      post_id: 'long',
      user_id: 'u1',
      content: long,
      posted_at: '2025-08-01',
    }
    expect(await client.settle(post, 'stores')).toBe('stored')
    expect((await client.sql("SELECT content FROM posts WHERE post_id = 'long'"))[0]?.['content']).toBe(long)
    expect(
      (await client.sql("SELECT event->>'content' AS content FROM raw.events WHERE event_id = 'long'"))[0]?.['content'],
    ).toBe(long)
    expect((await client.ask('posts-about', { text: 'megabyte' }))[0]?.['content']).toBe(long)
    const refused = await client.post({ ...post, event_id: 'longer', content: 'x'.repeat(10_000_000) })
    expect([refused.status, refused.results[0]?.error?.code]).toEqual([400, 'event_too_large'])
  })

  it('nesting of 100 levels is kept, deeper is refused', async () => {
    const nested = (levels: number) => `${'['.repeat(levels)}"x"${']'.repeat(levels)}`
    const event = (id: string, levels: number) =>
      `{"type":"click","event_id":"${id}","user_id":"u1","product_id":"p","action":"view","clicked_at":"2025-10-02","deep":${nested(levels)}}`
    expect(await client.settle(event('deep', 99))).toBe('stored')
    expect(await client.sql("SELECT _extra FROM clickstream WHERE event_id = 'deep'")).toEqual([
      { _extra: `{"deep":${nested(99)}}` },
    ])
    const refused = await client.post(event('deeper', 100_000))
    expect(refused.results[0]?.error?.code).toBe('nesting_too_deep')
  })

  it('halves of characters, cut-off JSON, other encodings and things that are no events are refused', async () => {
    const bodies: [string | Uint8Array, string][] = [
      ['{"type":"click","user_id":"\\ud800"}', 'lone_surrogate'],
      ['{"type":"click","user_id":"x}', 'invalid_json'],
      ["{'type':'click'}", 'invalid_json'],
      ['{"type":"click",}', 'invalid_json'],
      ['{"type":"click","n":NaN}', 'invalid_json'],
      ['{"type":"click","t":"a\tb"}', 'invalid_json'],
      ['7', 'not_an_object'],
      ['{"type":null}', 'missing_type'],
      ['{"type":"click","event_id":7}', 'invalid_event_id'],
      ['{"type":"click","event_id":""}', 'invalid_event_id'],
    ]
    for (const [body, code] of bodies) {
      const { status, results } = await client.post(body)
      expect([body, status, results?.[0]?.error?.code]).toEqual([body, 400, code])
    }
    expect((await client.post(Buffer.from('{"type":"click","t":"\xff"}', 'latin1'))).code).toBe('invalid_utf8')
    expect((await client.post(Buffer.from('{"type":"click"}', 'utf16le'))).status).toBe(400)
  })

  it('types and fields with names of JavaScript and SQL harm nobody', async () => {
    const types = [
      '__proto__',
      'constructor',
      'toString',
      'ledger',
      "x'; DROP TABLE ledger;--",
      '"',
      '',
      'a/b',
      'é',
      'raw.events',
      NUL,
    ]
    const sent = await client.post(
      types.map((type, i) => ({ type, event_id: `type-${i}` })),
      { query: 'wait=table' },
    )
    expect(sent.results.map(({ status }) => status)).toEqual(types.map(() => 'quarantined'))
    expect(
      await client.sql(
        "SELECT type FROM quarantine WHERE event_id LIKE 'type-%' ORDER BY received_at, raw_batch, raw_line",
      ),
    ).toEqual(types.map((type) => ({ type })))
    expect(await client.sql(`SELECT event_id FROM raw."x'; DROP TABLE ledger;--"`)).toEqual([{ event_id: 'type-4' }])
    const twice =
      '{"type":"click","event_id":"twice-field","user_id":"a","user_id":"b","product_id":"p","action":"view","clicked_at":"2025-10-02","__proto__":{"user_id":"c"},"constructor":1}'
    const answer = await client.post(twice, { query: 'wait=table' })
    expect(answer.results[0]).toMatchObject({ status: 'stored', warning: 'a field occurs more than once' })
    expect(await client.sql("SELECT user_id, _extra FROM clickstream WHERE event_id = 'twice-field'")).toEqual([
      { user_id: 'b', _extra: '{"__proto__":{"user_id":"c"},"constructor":1}' },
    ])
  })

  it('at the end it reconciles', async () => {
    const report = await client.verify()
    expect(report.ok, JSON.stringify(report)).toBe(true)
  })
})

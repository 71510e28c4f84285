import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { world } from './film-world.ts'
import { LakeProcess } from './lake-process.ts'
import { movie } from './world.ts'

let lake: LakeProcess
let client: Client

beforeAll(async () => {
  lake = await LakeProcess.start()
  client = new Client(lake.url)
  expect((await client.post(world)).accepted).toBe(world.length)
  await client.caughtUp()
})
afterAll(() => lake.remove())

/** Instants say microseconds where a store keeps them. */
const withoutZeros = (row: object) =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.replace(/\.000000Z$/, 'Z') : value,
    ]),
  )

describe('questions', () => {
  const answers: [string, Record<string, string | number>, object[]][] = [
    [
      'watched-by-user',
      { user_id: 'u1' },
      [
        { movie_id: 'm1', title: 'Inception', views: 2, last_watched_at: '2025-09-02T21:30:00Z' },
        { movie_id: 'm2', title: 'Interstellar', views: 1, last_watched_at: '2025-09-03T20:59:59Z' },
      ],
    ],
    [
      'where-stopped',
      { user_id: 'u1' },
      [
        { movie_id: 'm3', action: 'stop', position_minutes: 12, device: 'Web', played_at: '2025-09-01T21:12:00Z' },
        { movie_id: 'm1', action: 'pause', position_minutes: 30, device: 'Web', played_at: '2025-09-01T20:30:00Z' },
      ],
    ],
    [
      'subscription-status',
      {},
      [
        { status: 'active', subscriptions: 1 },
        { status: 'cancelled', subscriptions: 1 },
      ],
    ],
    [
      'payments-of',
      { user_id: 'u1' },
      [
        { payment_id: 'p1', subscription_id: 's1', amount: '0.10', currency: 'INR', paid_at: '2025-09-01T00:00:00Z' },
        { payment_id: 'p2', subscription_id: 's1', amount: '0.20', currency: 'INR', paid_at: '2025-09-02T00:00:00Z' },
        {
          payment_id: 'p3',
          subscription_id: 's1',
          amount: '9007199254.99',
          currency: 'INR',
          paid_at: '2025-09-03T00:00:00Z',
        },
      ],
    ],
    [
      'most-watched',
      { city: 'Bangalore', hour: 21 },
      [
        { movie_id: 'm1', title: 'Inception', views: 3 },
        { movie_id: 'm3', title: 'Robert"); DROP TABLE movies;--', views: 1 },
      ],
    ],
    [
      'most-watched',
      { city: 'Bangalore', hour: 2, tz: 'Asia/Kolkata' },
      [
        { movie_id: 'm1', title: 'Inception', views: 2 },
        { movie_id: 'm2', title: 'Interstellar', views: 1 },
        { movie_id: 'm3', title: 'Robert"); DROP TABLE movies;--', views: 1 },
      ],
    ],
    ['viewers-of', { movie_id: 'm1', country: 'India', from: '2025-09-01', to: '2025-10-01' }, [{ viewers: 2 }]],
    [
      'views-without-orders',
      {},
      [
        { product_id: 'IPHONE15', views: 3, orders: 0, conversion: 0 },
        { product_id: 'TEAPOT', views: 1, orders: 1, conversion: 1 },
      ],
    ],
    [
      'views-of-product',
      { product_id: 'IPHONE15' },
      [
        { user_id: 'u1', total_views: 3 },
        { user_id: 'u2', total_views: 1 },
      ],
    ],
    [
      'buffering-per-minute',
      { region: 'India', from: '2025-10-01T10:00:00Z', to: '2025-10-02' },
      [
        { minute: '2025-10-01T10:00:00Z', buffering_count: 7 },
        { minute: '2025-10-01T10:02:00Z', buffering_count: 2 },
      ],
    ],
    ['buffering-trend', { region: 'India', to: '2025-10-02', days: 7 }, [{ day: '2025-10-01', buffering_count: 9 }]],
    [
      'buffering-trend',
      { region: 'EU=West', to: '2025-10-03', days: 7 },
      [{ day: '2025-10-01', buffering_count: 100 }],
    ],
    [
      'why-recommended',
      { user_id: 'u1', movie_id: 'm2' },
      [{ reason: 'you liked "Inception"', because_of: 'm1', score: 0.75, recommended_at: '2025-09-02T00:00:00Z' }],
    ],
  ]
  it.each(answers)('%s %j', async (question, parameters, rows) => {
    expect((await client.ask(question, parameters)).map(withoutZeros)).toEqual(rows)
  })

  it('movies-with-actor, posts-about, movies-by-subtitle find what was said', async () => {
    const cast = await client.ask('movies-with-actor', { actor: "Conan O'Brien" })
    expect(cast).toMatchObject([{ movie_id: 'm1', title: 'Inception', cast: ['Leonardo DiCaprio', "Conan O'Brien"] }])
    const both = await client.ask('movies-with-actor', { actor: 'Leonardo DiCaprio' })
    expect(both.map(({ movie_id }) => movie_id).sort()).toEqual(['m1', 'm3'])
    const posts = await client.ask('posts-about', { text: 'inception' })
    expect(posts).toMatchObject([{ post_id: 'po1', user_id: 'u1', content: 'Loved Inception, 100% "worth" it\n👀' }])
    expect(String(posts[0]?.['highlight'])).toContain('<em>Inception</em>')
    expect((await client.ask('movies-by-subtitle', { text: 'dream bigger' })).map(({ movie_id }) => movie_id)).toEqual([
      'm1',
    ])
    for (const text of ['"', "'", '*', 'NEAR(', 'a AND', '-', '(', '😀']) await client.ask('posts-about', { text })
  })

  it('because-you-watched pairs films not watched with what they are related to', async () => {
    const rows = await client.ask('because-you-watched', { user_id: 'u3' })
    expect(rows.map(({ movie_id, because_of }) => `${movie_id} ${because_of}`).sort()).toEqual(['m2 m1', 'm3 m1'])
    expect((await client.ask('because-you-watched', { user_id: 'u1' })).map(({ movie_id }) => movie_id)).toEqual(['m3'])
  })

  it('the list names each with its store; what is asked wrongly is refused with what was expected', async () => {
    const { questions } = await client.get('/v1/questions')
    expect(questions).toHaveLength(15)
    const wrong = await Promise.all([
      client.call('GET', '/v1/questions/no-such'),
      client.call('GET', '/v1/questions/most-watched?city=x'),
      client.call('GET', '/v1/questions/most-watched?city=x&hour=24'),
      client.call('GET', '/v1/questions/most-watched?city=x&hour=1&tz=Mars'),
      client.call('GET', '/v1/questions/watched-by-user?user_id=u1&limit=100001'),
      client.call('GET', '/v1/questions/watched-by-user?user_id=u1&moon=1'),
      client.call('GET', '/v1/questions/watched-by-user?user_id=u1&user_id=u2'),
    ])
    expect(wrong.map(({ status, json }) => [status, json().code])).toEqual([
      [404, 'unknown_question'],
      ...Array.from({ length: 6 }, () => [400, 'invalid_parameter']),
    ])
    expect(await client.ask('watched-by-user', { user_id: 'u1', limit: 1 })).toHaveLength(1)
    // The reference asks each of them in place.
    const { paths } = await client.get('/openapi.json')
    const offered = paths['/v1/questions/{name}'].get.parameters.map(({ name }: { name: string }) => name)
    for (const { parameters } of questions)
      expect(offered).toEqual(expect.arrayContaining(parameters.map(({ name }: { name: string }) => name)))
    expect(Object.keys(paths)).toContain('/v1/files/{path}')
  })
})

describe('time', () => {
  it('a table is read as it was at a version and at an instant', async () => {
    const { versions } = await client.get('/v1/tables/movies')
    const [newest] = versions
    expect(newest.version).toBeGreaterThan(0)
    const count = async (asOf: string) => (await client.sql(`SELECT count(*) AS n FROM movies ${asOf}`))[0]?.['n']
    expect([await count('VERSION AS OF 0'), await count(`VERSION AS OF ${newest.version}`), await count('')]).toEqual([
      0, 3, 3,
    ])
    await client.settle(movie('f4', 'm4', 'Later', '2025-09-01'))
    expect(await count(`TIMESTAMP AS OF '${newest.timestamp}'`)).toBe(3)
    const [row] = await client.sql(
      `SELECT (SELECT count(*) FROM movies) AS now, count(*) AS before FROM movies VERSION AS OF ${newest.version} AS old`,
    )
    expect(row).toEqual({ now: 4, before: 3 })
    expect((await client.trySql('SELECT 1 FROM movies VERSION AS OF 999')).status).toBe(404)
    expect((await client.trySql("SELECT 1 FROM movies TIMESTAMP AS OF '1999-01-01'")).status).toBe(404)
    expect((await client.trySql('SELECT 1 FROM raw.events VERSION AS OF 0')).json().code).toBe('unknown_version')
    expect(await client.sql('SELECT count(*) AS n FROM RAW.EVENTS, S3_CLICKSTREAM_LOGS WHERE false')).toEqual([
      { n: 0 },
    ])
  })
})

describe('an event can be followed', () => {
  it('stored, superseded, quarantined and unknown', async () => {
    const trail = await client.trail('f1b')
    expect(trail).toMatchObject({ type: 'movie', outcome: 'stored', repeats: 0, table: { name: 'movies' } })
    expect(Object.fromEntries(Object.entries(trail.sinks).map(([name, { status }]) => [name, status]))).toEqual({
      postgres: 'written',
      elasticsearch: 'written',
      neo4j: 'written',
      influxdb: 'not_routed',
    })
    expect(await client.trail('f1')).toMatchObject({ outcome: 'stored', superseded_by: 'f1b' })
    const [raw] = await client.sql(
      `SELECT event_id FROM raw.events WHERE raw_batch = '${trail.raw.batch}' AND raw_line = ${trail.raw.line}`,
    )
    expect(raw).toEqual({ event_id: 'f1b' })
    expect((await client.call('GET', '/v1/events/never')).json().code).toBe('unknown_event')
    expect((await client.call('GET', `/v1/events/${encodeURIComponent("' OR 1=1 --")}`)).status).toBe(404)
  })

  it('tables tell schema, files, bytes and versions; the ledger and raw can be asked', async () => {
    const { tables } = await client.get('/v1/tables')
    expect(tables.find(({ name }: { name: string }) => name === 'viewing_history')).toMatchObject({
      rows: 6,
      files: expect.any(Number),
    })
    expect((await client.call('GET', '/v1/tables/nothing')).status).toBe(404)
    const [counts] = await client.sql(
      "SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM ledger WHERE type = 'viewing_log' AND outcome = 'stored'",
    )
    expect(counts).toEqual({ n: 6, ids: 6 })
    expect(
      await client.sql(
        "SELECT user_id, COUNT(*) AS total_views\nFROM s3_clickstream_logs\nWHERE product_id = 'IPHONE15'\nGROUP BY user_id ORDER BY user_id;",
      ),
    ).toEqual([
      { user_id: 'u1', total_views: 3 },
      { user_id: 'u2', total_views: 1 },
    ])
  })
})

describe('SQL', () => {
  const hostile = [
    "COPY (SELECT 1) TO '/tmp/sluice-out.csv'",
    'DROP TABLE movies',
    'SELECT 1; DROP TABLE movies',
    "ATTACH '/tmp/x.db'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_parquet('objects/**')",
    "SELECT * FROM glob('**')",
    'SELECT * FROM duckdb_settings()',
    "SELECT getenv('PATH')",
    'INSTALL httpfs',
    'PRAGMA database_list',
    'SET enable_external_access = true',
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT content FROM read_blob('/proc/self/environ')",
    "FROM 'http://127.0.0.1:1/x.parquet'",
    "WITH x AS (SELECT * FROM read_csv('/etc/passwd')) SELECT * FROM x",
    "SELECT (SELECT count(*) FROM read_json('/etc/passwd'))",
    'EXPLAIN ANALYZE SELECT 1',
    'CALL pragma_version()',
    "EXPORT DATABASE '/tmp/sluice-export'",
    'SELECT * FROM information_schema.tables',
    'CREATE MACRO m() AS 1',
    'BEGIN',
  ]
  it('the cage refuses what is no plain SELECT over the lake, and goes on', async () => {
    const answers = await Promise.all(hostile.map((sql) => client.trySql(sql)))
    expect(answers.map(({ status }, i) => [hostile[i], status >= 400 && status < 500])).toEqual(
      hostile.map((sql) => [sql, true]),
    )
    for (const { json } of answers)
      expect(json()).toMatchObject({ code: expect.any(String), detail: expect.any(String) })
    expect(await client.sql('SELECT count(*) AS n FROM viewing_history')).toEqual([{ n: 6 }])
  })

  it('JSON, NDJSON, CSV and Arrow say the same', async () => {
    const sql =
      "SELECT payment_id, amount, paid_at, amount > 1 AS large, CAST(NULL AS VARCHAR) AS nothing FROM payments WHERE payment_id <> 'p3' ORDER BY 1"
    const as = async (accept: string) => await client.trySql(sql, accept)
    expect((await as('application/json')).json()).toEqual({
      columns: [
        { name: 'payment_id', type: 'VARCHAR' },
        { name: 'amount', type: 'DECIMAL(12,2)' },
        { name: 'paid_at', type: 'TIMESTAMP WITH TIME ZONE' },
        { name: 'large', type: 'BOOLEAN' },
        { name: 'nothing', type: 'VARCHAR' },
      ],
      rows: [
        { payment_id: 'p1', amount: '0.10', paid_at: '2025-09-01T00:00:00Z', large: false, nothing: null },
        { payment_id: 'p2', amount: '0.20', paid_at: '2025-09-02T00:00:00Z', large: false, nothing: null },
      ],
    })
    const csv = await as('text/csv')
    expect([csv.headers.get('content-type'), csv.text]).toEqual([
      'text/csv; charset=utf-8; header=present',
      'payment_id,amount,paid_at,large,nothing\r\np1,0.10,2025-09-01T00:00:00Z,false,\r\np2,0.20,2025-09-02T00:00:00Z,false,\r\n',
    ])
    expect((await as('application/x-ndjson')).text.split('\n')[0]).toBe(
      '{"payment_id":"p1","amount":"0.10","paid_at":"2025-09-01T00:00:00Z","large":false,"nothing":null}',
    )
    // The stream format: each message begins with a continuation mark; the end is one without a message.
    const arrow = (await as('application/vnd.apache.arrow.stream')).bytes
    expect([arrow.readUInt32LE(0), arrow.subarray(-8).toString('hex')]).toEqual([0xffffffff, 'ffffffff00000000'])
    for (const text of ['payment_id', 'nothing', 'p1p2', '0.100.20']) expect(arrow.includes(text)).toBe(true)
  })
})

describe('media', () => {
  const video = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251))
  const sha256 = createHash('sha256').update(video).digest('hex')

  it('comes back whole, in ranges, and by name, with ETag and caching', async () => {
    const put = await client.call('PUT', '/v1/media/trailer.mp4', {
      body: video,
      headers: { 'content-type': 'video/mp4' },
    })
    expect(put.json()).toMatchObject({ name: 'trailer.mp4', sha256, size: video.length, content_type: 'video/mp4' })
    const path = `/v1/media/${sha256}`
    const whole = await client.call('GET', path)
    expect([whole.status, whole.bytes.equals(video), whole.headers.get('content-type')]).toEqual([
      200,
      true,
      'video/mp4',
    ])
    expect(whole.headers.get('cache-control')).toContain('immutable')
    const etag = whole.headers.get('etag') ?? ''
    const byName = await client.call('GET', '/v1/media/trailer.mp4')
    expect([byName.bytes.equals(video), byName.headers.get('cache-control')]).toEqual([true, 'no-cache'])
    const range = async (value: string) => {
      const { status, bytes, headers } = await client.call('GET', path, { headers: { range: value } })
      return [status, bytes.length, headers.get('content-range')]
    }
    expect(await range('bytes=0-0')).toEqual([206, 1, `bytes 0-0/${video.length}`])
    expect(await range('bytes=-10')).toEqual([
      206,
      10,
      `bytes ${video.length - 10}-${video.length - 1}/${video.length}`,
    ])
    expect(await range('bytes=299990-')).toEqual([206, 10, `bytes 299990-299999/${video.length}`])
    expect((await range('bytes=300000-'))[0]).toBe(416)
    expect((await client.call('GET', path, { headers: { 'if-none-match': etag } })).status).toBe(304)
    expect((await client.call('GET', '/v1/media/nothing')).status).toBe(404)
    expect((await client.call('HEAD', path)).headers.get('content-length')).toBe(String(video.length))
  })

  it('a post names it by name; its rows say which bytes that are', async () => {
    await client.settle({
      type: 'post',
      event_id: 'po3',
      post_id: 'po3',
      user_id: 'u1',
      content: 'x',
      media: ['trailer.mp4', 'later.jpg'],
    })
    const rows = 'SELECT position, name, sha256 FROM post_media ORDER BY 1'
    await client.caughtUp()
    expect(await client.sql(rows)).toEqual([
      { position: 0, name: 'trailer.mp4', sha256 },
      { position: 1, name: 'later.jpg', sha256: null },
    ])
  })
})

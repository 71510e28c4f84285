import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { LakeProcess, NotStarted, temporaryFolder } from './lake-process.ts'
import { movie, view } from './world.ts'

const OWN_TYPES = resolve(import.meta.dirname, '../../examples/event-types')
const KEYS = { sender: 'send-secret-1', reader: 'read-secret-1', chief: 'chief-secret-1' }
const SINKS = ['postgres', 'influxdb', 'elasticsearch', 'neo4j']

let lake: LakeProcess
let client: Client
let folder: string
beforeAll(async () => {
  folder = await temporaryFolder()
  lake = await LakeProcess.start({
    settings: {
      SLUICE_EVENT_TYPES: OWN_TYPES,
      SLUICE_API_KEYS: `sender:${KEYS.sender}:ingest,reader:${KEYS.reader}:query,chief:${KEYS.chief}:ingest+query+admin`,
    },
  })
  client = new Client(lake.url, KEYS.chief)
})
afterAll(async () => {
  await lake.remove()
  await rm(folder, { recursive: true, force: true })
})

describe('API keys', () => {
  it('each scope opens its own calls and no other; no secret is ever told', async () => {
    const sender = new Client(lake.url, KEYS.sender)
    const reader = new Client(lake.url, KEYS.reader)
    const nobody = new Client(lake.url)
    const stranger = new Client(lake.url, 'not-a-key-at-all')
    const calls = {
      ingest: ['POST', '/v1/events', '{"type":"click"}'],
      media: ['PUT', '/v1/media/x.bin', 'x'],
      file: ['PUT', '/v1/files/x.txt', 'x'],
      query: ['GET', '/v1/status', undefined],
      sql: ['POST', '/v1/sql', '{"sql":"SELECT 1 AS one"}'],
      verify: ['GET', '/v1/verify', undefined],
      admin: ['POST', '/v1/sinks/postgres/resume', undefined],
    } as const
    const statuses = async (who: Client) => {
      const all = Object.entries(calls).map(async ([name, [method, path, body]]) => {
        const answer = await who.call(method, path, {
          body,
          headers: body?.startsWith('{') ? { 'content-type': 'application/json' } : {},
        })
        if (answer.status >= 400) expect(answer.json().code).toMatch(/unauthorized|forbidden/)
        return [name, answer.status]
      })
      return Object.fromEntries(await Promise.all(all))
    }
    const all = (status: number) => Object.fromEntries(Object.keys(calls).map((name) => [name, status]))
    expect(await statuses(nobody)).toEqual(all(401))
    const json = { 'content-type': 'application/json' }
    const unread = await nobody.call('POST', '/v1/sql', { body: '{"sql":', headers: json })
    expect([unread.status, unread.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(await statuses(stranger)).toEqual(all(401))
    expect(await statuses(sender)).toEqual({ ...all(403), ingest: 202, media: 201, file: 201 })
    expect(await statuses(reader)).toEqual({ ...all(403), query: 200, sql: 200, verify: 200 })
    expect(await client.sql("SELECT DISTINCT source FROM raw.events WHERE type = 'click'")).toEqual([
      { source: 'sender' },
    ])
    for (const path of ['/health/live', '/health/ready', '/metrics', '/'])
      expect((await nobody.call('GET', path)).status).toBe(200)
    for (const secret of Object.values(KEYS)) expect(lake.output).not.toContain(secret)
  })

  it('the same Idempotency-Key of another API key is another one', async () => {
    const send = async (who: Client) =>
      (await who.post({ type: 'hologram_log' }, { headers: { 'idempotency-key': 'k' } })).results[0]?.event_id
    const sender = new Client(lake.url, KEYS.sender)
    expect(await send(sender)).toBe(await send(sender))
    expect(await send(client)).not.toBe(await send(sender))
  })
})

describe('event types of the user', () => {
  const reading = {
    type: 'sensor_reading',
    event_id: 'sr-1',
    sensor_id: 's-17',
    site: 'Hall 3',
    temperature: 21.5,
    price_per_kwh: '0.2875',
    read_at: '2025-10-02T21:00:00Z',
    firmware: '1.0',
  }

  it('have a table, stores, strict conversion, and the rest of the product', async () => {
    expect(await client.settle(reading, 'stores')).toBe('stored')
    expect(await client.settle({ ...reading, event_id: 'sr-2', price_per_kwh: '0.28755' })).toBe('quarantined')
    expect(
      await client.sql('SELECT sensor_id, temperature, price_per_kwh, read_at, _extra FROM sensor_readings'),
    ).toEqual([
      {
        sensor_id: 's-17',
        temperature: 21.5,
        price_per_kwh: '0.2875',
        read_at: '2025-10-02T21:00:00Z',
        _extra: '{"firmware":"1.0"}',
      },
    ])
    const { sinks } = await client.trail('sr-1')
    expect([sinks['postgres']?.status, sinks['influxdb']?.status, sinks['neo4j']?.status]).toEqual([
      'written',
      'written',
      'not_routed',
    ])
    expect(await client.sql("SELECT site FROM raw.sensor_reading WHERE event_id = 'sr-1'")).toEqual([
      { site: 'Hall 3' },
    ])
  })

  const broken: [string, string, RegExp][] = [
    ['no default export', 'export const a = 1', /own\.ts: expected a default export made by defineEventType/],
    ['syntax', 'export default {', /own\.ts: expected a module that can be loaded/],
    [
      'a type that is taken',
      "import { defineEventType, instant, string } from '@sluice/events'\nexport default defineEventType({ type: 'click', table: 'mine', description: 'd', fields: { at: instant({ required: true }), id: string({ required: true }) }, time: 'at', partition_by: ['id'], stores: {}, example: { type: 'click', at: '2025-01-01T00:00:00Z', id: 'x' } })",
      /own\.ts: .*"click"/,
    ],
  ]
  it.each(broken)('a bad one is refused at start, by its file: %s', async (_, source, message) => {
    const types = await mkdtemp(join(folder, 'types-'))
    await writeFile(join(types, 'own.ts'), source)
    const refusal = await LakeProcess.start({
      data: join(folder, 'refused'),
      settings: { SLUICE_EVENT_TYPES: types },
    }).catch((error: unknown) => error)
    if (!(refusal instanceof NotStarted)) throw new Error('expected it to be refused')
    expect(refusal.exit.code).toBe(1)
    expect(refusal.output).toMatch(message)
    expect(refusal.output).not.toContain('    at ')
  })

  it('settings that are not as they should be are named, and the process ends', async () => {
    const settings = { SLUICE_PORT: 'many', SLUICE_HOST: '0.0.0.0', SLUICE_API_KEYS: 'a:geheim-geheim:fly' }
    for (const [name, value] of Object.entries(settings)) {
      const refusal = await LakeProcess.start({ data: join(folder, 'refused'), settings: { [name]: value } }).catch(
        (error: unknown) => error,
      )
      if (!(refusal instanceof NotStarted)) throw new Error('expected it to be refused')
      expect([refusal.exit.code, refusal.output.includes(name), refusal.output.includes('geheim')]).toEqual([
        1,
        true,
        false,
      ])
    }
  })
})

describe('files', () => {
  const csv = [
    'user_id,movie_id,watched_at,duration_minutes,city',
    'u-file,m1,2025-10-02T21:10:00Z,120,"Coeur d\'Alene, ""ID"""',
    'u-file,m2,2025-10-02,7.0,',
    'u-file,m3,yesterday,5,"two\nlines"',
  ].join('\n')
  const put = (path: string, body: string | Uint8Array, query = 'type=viewing_log') =>
    client.call('PUT', `/v1/files/${path}?${query}`, { body })

  it('CSV, NDJSON (gzip, zstd) and Parquet become events; the same file again makes repeats', async () => {
    const first = await put('views.csv', csv)
    expect([first.status, first.json().accepted, first.json().rejected]).toEqual([202, 3, 0])
    const ndjson = (id: string) =>
      [1, 2]
        .map((i) => JSON.stringify({ user_id: 'u-file', movie_id: `${id}-${i}`, watched_at: '2025-10-02' }))
        .join('\n')
    expect((await put('a/b/views.ndjson.gz', gzipSync(ndjson('gz')))).json()).toMatchObject({ accepted: 2 })
    expect((await put('views.jsonl.zst', zstdCompressSync(ndjson('zst')))).json()).toMatchObject({ accepted: 2 })
    const parquet = await parquetFile(join(folder, 'views.parquet'))
    expect((await put('views.parquet', parquet)).json()).toMatchObject({ accepted: 3, rejected: 0 })
    expect((await put('views.csv', csv)).json()).toMatchObject({ accepted: 3 })
    await client.caughtUp()
    expect(
      await client.sql(
        "SELECT movie_id, duration_minutes, city FROM viewing_history WHERE user_id = 'u-file' ORDER BY 1",
      ),
    ).toEqual([
      ...['gz-1', 'gz-2'].map((movie_id) => ({ movie_id, duration_minutes: null, city: null })),
      { movie_id: 'm1', duration_minutes: 120, city: 'Coeur d\'Alene, "ID"' },
      { movie_id: 'm2', duration_minutes: 7, city: null },
      ...[0, 1, 2].map((i) => ({ movie_id: `pq-${i}`, duration_minutes: i, city: 'São Paulo' })),
      ...['zst-1', 'zst-2'].map((movie_id) => ({ movie_id, duration_minutes: null, city: null })),
    ])
    const outcomes = await client.sql(
      "SELECT outcome, count(*) AS n FROM ledger JOIN raw.events USING (raw_batch, raw_line) WHERE source = 'file:views.csv' GROUP BY 1 ORDER BY 1",
    )
    expect(outcomes).toEqual([
      { outcome: 'quarantined', n: 1 },
      { outcome: 'repeat', n: 3 },
      { outcome: 'stored', n: 2 },
    ])
  })

  it('are kept as they are; another file under the same path, or a path that leads elsewhere, is refused', async () => {
    const bytes = Buffer.from([0, 1, 2, 255])
    expect((await put('notes/any.bin', bytes, '')).status).toBe(201)
    expect((await put('notes/any.bin', bytes, '')).status).toBe(201)
    expect([
      (await put('notes/any.bin', 'other', '')).status,
      (await put('a%2f..%2f..%2fx', 'x', '')).status,
      (await put('notes/any.bin', bytes)).status,
    ]).toEqual([409, 400, 415])
    const torn = await put(
      'torn.csv',
      'user_id,movie_id,watched_at\nu-torn,m1,2025-10-02\nu-torn\n"u-torn,m2,2025-10-02\n',
    )
    expect([torn.status, torn.json().accepted, torn.json().errors.map(({ code }: { code: string }) => code)]).toEqual([
      207,
      1,
      ['wrong_columns', 'invalid_csv'],
    ])
    expect((await put('torn.ndjson.gz', gzipSync('{}').subarray(0, 12))).status).toBe(400)
  })
})

async function parquetFile(path: string): Promise<Buffer> {
  const connection = await (await DuckDBInstance.create()).connect()
  await connection.run(
    `COPY (SELECT 'u-file' AS user_id, 'pq-' || i AS movie_id, TIMESTAMPTZ '2025-10-02 21:10:00+00' AS watched_at, i::INTEGER AS duration_minutes, 'São Paulo' AS city FROM range(3) r(i)) TO '${path}' (FORMAT parquet)`,
  )
  connection.closeSync()
  return readFile(path)
}

describe('sinks', () => {
  const sinks = async () => {
    const all: { name: string; state: string; caught_up: boolean }[] = (await client.get('/v1/sinks')).sinks
    return Object.fromEntries(all.map((sink) => [sink.name, sink]))
  }
  const act = (name: string, action: string) => client.call('POST', `/v1/sinks/${name}/${action}`)
  const viewsOf = async (user_id: string) =>
    (await client.ask('watched-by-user', { user_id })).reduce((sum, { views }) => sum + Number(views), 0)

  it('a paused one holds nobody up, goes on where it was, and is seen to be behind', async () => {
    expect(await client.settle(view('pause-0', { user_id: 'u-pause' }), 'stores')).toBe('stored')
    expect((await act('postgres', 'pause')).status).toBe(200)
    const waiting = await client.post(view('pause-1', { user_id: 'u-pause' }), { query: 'wait=stores&timeout_ms=300' })
    expect(waiting.results[0]?.status).toBe('accepted')
    const again = await client.post(view('pause-1', { user_id: 'u-pause' }), { query: 'wait=stores&timeout_ms=300' })
    expect([again.results[0]?.status, await client.settle(view('pause-1', { user_id: 'u-pause' }))]).toEqual([
      'accepted',
      'repeat',
    ])
    expect(await client.settle(view('pause-0', { user_id: 'u-pause' }), 'table')).toBe('repeat')
    expect(await client.settle(view('pause-2', { user_id: 'u-pause' }))).toBe('stored')
    expect((await client.trail('pause-2')).sinks['postgres']?.status).toBe('pending')
    await client.until('/v1/sinks', ({ sinks }: { sinks: { name: string; caught_up: boolean }[] }) =>
      sinks.every(({ name, caught_up }) => caught_up === (name !== 'postgres')),
    )
    expect((await sinks())['postgres']).toMatchObject({ state: 'paused', caught_up: false })
    expect([await viewsOf('u-pause'), (await client.get('/v1/status')).caught_up]).toEqual([1, false])
    const began = performance.now()
    expect((await client.verify()).ok).toBe(true)
    expect(performance.now() - began, 'verify waits for nobody who is paused').toBeLessThan(30_000)
    expect((await act('postgres', 'resume')).status).toBe(200)
    await client.caughtUp()
    expect(await client.settle(view('pause-1', { user_id: 'u-pause' }), 'stores')).toBe('repeat')
    expect([await viewsOf('u-pause'), (await client.trail('pause-2')).sinks['postgres']?.status]).toEqual([
      3,
      'written',
    ])
  })

  it('each is loaded anew when asked, and holds the same as before', async () => {
    await client.post([
      movie('rb-1', 'rb', 'Rebuilt', '2025-08-01', {
        cast: ['Rebuilt One'],
        related_to: ['rb2'],
        subtitles: 'rebuilt',
      }),
      view('rb-2', { user_id: 'u-rb', movie_id: 'rb' }),
    ])
    await client.caughtUp()
    for (const name of SINKS) expect((await act(name, 'rebuild')).status).toBe(200)
    await client.settle(view('rb-3', { user_id: 'u-rb', movie_id: 'rb' }))
    await client.caughtUp()
    expect(await client.ask('watched-by-user', { user_id: 'u-rb' })).toMatchObject([
      { movie_id: 'rb', title: 'Rebuilt', views: 2 },
    ])
    expect(await client.ask('movies-with-actor', { actor: 'Rebuilt One' })).toMatchObject([{ movie_id: 'rb' }])
    expect(await client.ask('because-you-watched', { user_id: 'u-rb' })).toMatchObject([
      { movie_id: 'rb2', because_of: 'rb' },
    ])
    expect((await client.verify()).ok).toBe(true)
    expect([(await act('mysql', 'pause')).status, (await act('postgres', 'dance')).status]).toEqual([404, 400])
  })

  it('stores whose processes are killed under load come back and miss nothing', async () => {
    const killed = storeProcesses(lake.pid)
    expect(killed).toHaveLength(SINKS.length)
    const sending = Array.from({ length: 20 }, (_, i) =>
      client.post(
        Array.from({ length: 20 }, (_, j) => view(`sk-${i}-${j}`, { user_id: `u-sk-${j}`, movie_id: `m${i}` })),
      ),
    )
    await sending[3]
    for (const pid of killed) process.kill(pid, 'SIGKILL')
    for (const sent of await Promise.all(sending)) expect(sent.status).toBe(202)
    await client.caughtUp()
    expect([await viewsOf('u-sk-0'), await viewsOf('u-sk-19')]).toEqual([20, 20])
    const report = await client.verify()
    expect(report.ok, JSON.stringify(report)).toBe(true)
    expect(storeProcesses(lake.pid).filter((pid) => killed.includes(pid))).toEqual([])
  })
})

/** Processes of stores that are children of a lake. */
function storeProcesses(parent: number): number[] {
  const all = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n')
  return all.flatMap((line) => {
    const [, pid, ppid, command = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    return Number(ppid) === parent && command.includes('store-child') ? [Number(pid)] : []
  })
}

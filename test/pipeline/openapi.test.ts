import { gzipSync } from 'node:zlib'
import { FILE_SILENCE_LIMIT_MS, passOnToIngest, SILENCE_LIMIT_MS } from '@sluice/console/pass-on'
import { ingestLimits } from '@sluice/ingest'
import { createApp, createLogger, createMetrics } from '@sluice/service'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { LakeProcess } from './lake-process.ts'
import { click, movie, view } from './world.ts'

const KEYS = { chief: 'chief-chief-chief', reader: 'reader-reader-reader' }
const SLUICE_API_KEYS = `chief:${KEYS.chief}:ingest+query+admin,reader:${KEYS.reader}:query`
const JSON_TYPE = { 'content-type': 'application/json' }

type Schema = Readonly<Record<string, unknown>>
type Paths = Record<
  string,
  Record<string, { tags?: string[]; responses: Record<string, { content?: Record<string, { schema: Schema }> }> }>
>

let lake: LakeProcess
let client: Client
let paths: Paths
beforeAll(async () => {
  lake = await LakeProcess.start({ settings: { SLUICE_API_KEYS } })
  client = new Client(lake.url, KEYS.chief)
  paths = (await client.get('/openapi.json')).paths
})
afterAll(() => lake.remove())

const ajv = new Ajv2020({ allowUnionTypes: true, allErrors: true })
ajv.addFormat('date-time', /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3,6})?Z$/)

/** The same schema without room for a field that it does not name. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const all = Object.entries(schema).filter(([name]) => name !== 'examples' && name !== 'example')
  const copy = Object.fromEntries(all.map(([name, value]) => [name, closed(value)]))
  const is_described = copy['type'] === 'object' && copy['properties'] !== undefined
  return is_described ? { ...copy, additionalProperties: false } : copy
}

/** Answers that were held to their schema, as `get /v1/tables 200`. */
const held = new Set<string>()

/** Calls `method path`, where the path is a template's own, and holds the answer to its schema; the answer's body. */
async function hold(call: string, status: number, { at, by = client, ...options }: HoldOptions = {}) {
  const [method = '', template = ''] = call.split(' ')
  const answer = await by.call(method, at ?? template, options)
  expect(answer.status, `${call}: ${answer.text.slice(0, 500)}`).toBe(status)
  const [media_type = ''] = (answer.headers.get('content-type') ?? '').split(';')
  const schema = paths[template]?.[method.toLowerCase()]?.responses[status]?.content?.[media_type]?.schema
  if (!schema) throw new Error(`${call}: OpenAPI has no ${status} of ${media_type}`)
  const body = answer.json()
  const validate = ajv.compile(closed(schema) as Schema)
  validate(body)
  expect(validate.errors ?? [], `${call} ${at ?? ''}: ${answer.text.slice(0, 1_000)}`).toEqual([])
  held.add(`${method.toLowerCase()} ${template} ${status}`)
  return body
}

interface HoldOptions {
  at?: string
  by?: Client
  body?: string
  headers?: object
}

const send = (events: unknown, status: number, query = '') =>
  hold('POST /v1/events', status, {
    at: `/v1/events${query}`,
    body: JSON.stringify(events),
    headers: JSON_TYPE,
  })
const redrive = (request: object, status = 200) =>
  hold('POST /v1/quarantine/redrive', status, { body: JSON.stringify(request), headers: JSON_TYPE })
const ask = (query: string, status = 200) => hold('GET /v1/questions/{name}', status, { at: `/v1/questions/${query}` })

describe('every answer is as OpenAPI says', () => {
  it('of events, media and files', async () => {
    await send(
      [
        movie('m-old', 'm1', 'Old', '2025-08-01', { cast: ['One'], subtitles: 'words', related_to: ['m2'] }),
        movie('m-new', 'm1', 'New', '2025-08-02', { cast: ['One'], subtitles: 'words', related_to: ['m2'] }),
        view('v-1'),
        view('v-late', { duration_minutes: 'a while' }),
        view('v-typo', { type: 'viewing_logg' }),
        click('c-1'),
        { ...{ type: 'post', event_id: 'p-1', post_id: 'p1', user_id: 'u1' }, content: 'Hello', media: ['cat.bin'] },
      ],
      202,
      '?wait=stores&timeout_ms=30000',
    )
    await send([view('v-1'), { type: 5 }], 207, '?wait=table&timeout_ms=30000')
    await send([{ type: 5 }], 400)
    const media = { body: 'meow', headers: { 'content-type': 'image/x-cat' } }
    await hold('PUT /v1/media/{name}', 201, { at: '/v1/media/cat.bin', ...media })
    await hold('GET /v1/media/{name}', 404, { at: '/v1/media/dog.bin' })
    const file = (name: string, body: string, status: number, type = '?type=viewing_log') =>
      hold('PUT /v1/files/{path}', status, { at: `/v1/files/a/${name}${type}`, body })
    const head = 'user_id,movie_id,watched_at\n'
    await file('note.txt', 'note', 201, '')
    await file('good.csv', `${head}u1,m1,2025-10-02\n`, 202)
    await file('some.csv', `${head}u1,m1,2025-10-02\nu2\n`, 207)
    await file('bad.csv', `${head}u2\n`, 400)
  })

  it('of status, tables, trails, sinks and verify', async () => {
    await client.caughtUp()
    const { log } = await hold('GET /v1/status', 200)
    expect(log.every(({ end, next, lag }: Record<string, unknown>) => end === next && lag === 0)).toBe(true)
    const { tables } = await hold('GET /v1/tables', 200)
    for (const { name } of tables) await hold('GET /v1/tables/{name}', 200, { at: `/v1/tables/${name}` })
    await hold('GET /v1/tables/{name}', 404, { at: '/v1/tables/none' })
    const trail = (id: string, status = 200) => hold('GET /v1/events/{event_id}', status, { at: `/v1/events/${id}` })
    for (const id of ['m-old', 'm-new', 'v-1', 'v-late', 'c-1', 'p-1']) await trail(id)
    await trail('none', 404)
    await hold('GET /v1/sinks', 200)
    const act = (way: string, status: number, by = client) =>
      hold('POST /v1/sinks/{name}/{action}', status, { at: `/v1/sinks/${way}`, by })
    await act('neo4j/pause', 200)
    await hold('GET /v1/status', 200)
    await act('neo4j/resume', 200)
    await act('neo4j/dance', 400)
    await act('none/pause', 404)
    await act('neo4j/pause', 403, new Client(lake.url, KEYS.reader))
    await hold('GET /v1/status', 401, { by: new Client(lake.url) })
    await client.caughtUp()
    expect((await hold('GET /v1/verify', 200)).ok).toBe(true)
  })

  it('of the quarantine and its re-drives', async () => {
    const first = await hold('GET /v1/quarantine', 200, { at: '/v1/quarantine?limit=1' })
    await hold('GET /v1/quarantine', 200, { at: `/v1/quarantine?after=${first.next}` })
    await hold('GET /v1/quarantine', 400, { at: '/v1/quarantine?limit=none' })
    await redrive({ dry_run: true, limit: 1, patch: { type: 'viewing_log' } })
    const answer = await redrive({ type: 'viewing_logg', patch: { type: 'viewing_log' } })
    expect(answer.counts).toEqual({ stored: 1 })
    expect((await redrive({ ids: ['v-late'] })).counts).toEqual({ invalid: 1 })
    await redrive({ limit: 0 }, 400)
  })

  it('of questions and SQL', async () => {
    const { questions } = await hold('GET /v1/questions', 200)
    expect(questions.length).toBeGreaterThan(10)
    await ask('watched-by-user?user_id=u1')
    await ask('buffering-trend?region=eu')
    await ask('movies-with-actor?actor=One')
    await ask('because-you-watched?user_id=u1')
    await ask('viewers-of?movie_id=m1&country=DE&from=2025-01-01&to=2026-01-01')
    await ask('watched-by-user', 400)
    await ask('none', 404)
    const sql = (text: string, status: number) =>
      hold('POST /v1/sql', status, { body: JSON.stringify({ sql: text }), headers: JSON_TYPE })
    await sql("SELECT *, 1::DECIMAL(4,2), [1], {a: 1}, true, 2::HUGEINT << 80, DATE '2025-01-01' FROM movies", 200)
    await sql('SELECT * FROM none', 404)
    await sql('DROP TABLE movies', 400)
    await sql("SELECT * FROM read_text('/etc/passwd')", 403)
  })

  it('and no kind of success is left out', () => {
    const successes = Object.entries(paths).flatMap(([path, calls]) =>
      Object.entries(calls).flatMap(([method, { tags, responses }]) =>
        Object.entries(responses).flatMap(([status, { content }]) =>
          status.startsWith('2') && content?.['application/json'] && !tags?.includes('operations')
            ? [`${method} ${path} ${status}`]
            : [],
        ),
      ),
    )
    expect(successes.length).toBeGreaterThan(15)
    expect(successes.filter((success) => !held.has(success))).toEqual([])
  })
})

describe("ingest's calls on a console of their own", () => {
  let app: FastifyInstance
  beforeAll(async () => {
    const logger = createLogger({ name: 'test', level: 'silent' })
    app = await createApp({ logger, metrics: createMetrics(), version: '0' })
    await passOnToIngest(app, lake.url)
  })
  afterAll(() => app.close())

  it('are described as ingest itself describes them', async () => {
    const passed: Paths = (await app.inject('/openapi.json')).json().paths
    const described = Object.entries(passed).flatMap(([path, calls]) =>
      Object.entries(calls).map(([method, call]) => ({ path, method, call })),
    )
    for (const { path, method, call } of described) expect(call, path).toEqual(paths[path]?.[method])
    const ours = (all: Paths) =>
      Object.entries(all).flatMap(([path, calls]) =>
        Object.entries(calls).flatMap(([method, { tags = [] }]) =>
          tags.includes('ingest') || tags.includes('media') ? [`${method} ${path}`] : [],
        ),
      )
    expect(ours(passed).sort()).toEqual(ours(paths).sort())
  })

  it('are answered as ingest answers them', async () => {
    const by = new Client(await app.listen({ port: 0, host: '127.0.0.1' }), KEYS.chief)
    const headers = { 'content-encoding': 'gzip' }
    const sent = await by.post(gzipSync(JSON.stringify(click('passed'))), {
      headers,
      query: 'wait=table&timeout_ms=30000',
    })
    expect([sent.status, sent.results[0]?.status]).toEqual([202, 'stored'])
    const bytes = new Uint8Array(3 * 1024 ** 2).map((_, i) => i % 251)
    const { sha256 } = (await by.call('PUT', '/v1/media/large.bin', { body: bytes })).json()
    const get = async (more: object) => {
      const answer = await by.call('GET', `/v1/media/${sha256}`, { headers: more })
      return { status: answer.status, bytes: new Uint8Array(answer.bytes), etag: answer.headers.get('etag') }
    }
    expect(await get({})).toEqual({ status: 200, bytes, etag: `"${sha256}"` })
    expect(await get({ range: 'bytes=5-7' })).toMatchObject({ status: 206, bytes: bytes.slice(5, 8) })
    expect(await get({ 'if-none-match': `"${sha256}"` })).toMatchObject({ status: 304, bytes: new Uint8Array() })
    const file = await by.call('PUT', '/v1/files/b/c.csv?type=viewing_log', {
      body: 'user_id,movie_id,watched_at\nu1,m1,2025-10-02\n',
    })
    expect([file.status, file.json().accepted]).toEqual([202, 1])
    const refused = await new Client(by.url).call('POST', '/v1/events', { body: '{}' })
    expect([refused.status, refused.json().code]).toEqual([401, 'unauthorized'])
  })

  it('are waited for longer than ingest takes for them', () => {
    const { wait_limit_ms, file_load_limit_ms } = ingestLimits.parse({})
    expect(SILENCE_LIMIT_MS).toBeGreaterThan(wait_limit_ms)
    expect(FILE_SILENCE_LIMIT_MS).toBeGreaterThan(file_load_limit_ms)
  })
})

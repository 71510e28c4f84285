import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { createApp, createLogger, createMetrics, DISCARD_LIMIT_MS } from '@sluice/service'
import type { FastifyInstance } from 'fastify'
import { afterEach, expect, it } from 'vitest'
import { type PassOnLimits, passOnToIngest } from '../src/pass-on.ts'
import { sendBy } from '../src/redrive/send-events.ts'

const NOBODY = 'http://127.0.0.1:9'
const LARGE = Buffer.alloc(8 * 1024 ** 2)

const apps: FastifyInstance[] = []
const servers: Server[] = []
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function passingOnTo(upstream: string, limits: Partial<PassOnLimits> = {}): Promise<FastifyInstance> {
  const logger = createLogger({ name: 'test', level: 'silent' })
  const app = await createApp({ logger, metrics: createMetrics(), version: '0' })
  apps.push(app)
  await passOnToIngest(app, upstream, limits)
  return app
}

/** A console before an ingest that answers so; where the console listens. */
async function before(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
  limits?: Partial<PassOnLimits>,
): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  const app = await passingOnTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, limits)
  return app.listen({ port: 0, host: '127.0.0.1' })
}

const echo = async (request: IncomingMessage, response: ServerResponse) => {
  const { method, url, headers } = request
  const body = (await buffer(request)).toString('base64')
  response.end(JSON.stringify({ method, url, headers, body }))
}

it.each([
  ['application/json', {}, Buffer.from('{ "type":  "click" }')],
  ['application/x-ndjson', { 'content-encoding': 'gzip' }, gzipSync('{"type":"click"}\n')],
  ['application/cloudevents+json', { 'idempotency-key': 'k', authorization: 'Bearer s' }, Buffer.from('{"a": 1}')],
  [undefined, {}, Buffer.from('what is it')],
])('a body of %s goes on to ingest as it came, with its headers and query', async (content_type, more, body) => {
  const url = await before(echo)
  const headers = { ...(content_type === undefined ? {} : { 'content-type': content_type }), ...more }
  const answer = await fetch(`${url}/v1/events?wait=table&x=%20+`, { method: 'POST', headers, body })
  expect(await answer.json()).toMatchObject({
    method: 'POST',
    url: '/v1/events?wait=table&x=%20+',
    headers: { ...headers, 'content-length': String(body.length) },
    body: body.toString('base64'),
  })
})

it('a body is streamed: ingest has its beginning before its end was sent', async () => {
  const began = Promise.withResolvers<string>()
  const url = await before(async (request, response) => {
    const [first] = await once(request, 'data')
    began.resolve(String(first))
    response.writeHead(201, { location: '/v1/media/abc' }).end(await text(request))
  })
  const sending = request(`${url}/v1/media/a%2Fb%20c?x=1`, { method: 'PUT' })
  sending.write('first')
  expect(await began.promise).toBe('first')
  sending.end(' and last')
  const [answer] = await once(sending, 'response')
  expect([answer.statusCode, answer.headers.location, await text(answer)]).toEqual([201, '/v1/media/abc', ' and last'])
})

it('ranges, tags and compressed answers come back as they are; HEAD and 304 without a body', async () => {
  const url = await before((request, response) => {
    const { range, 'if-none-match': tag } = request.headers
    response.setHeader('etag', '"e"')
    if (tag === '"e"') return response.writeHead(304).end()
    if (range === 'bytes=1-2') return response.writeHead(206, { 'content-range': 'bytes 1-2/4' }).end('bc')
    const zipped = gzipSync('abcd')
    return response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': zipped.length }).end(zipped)
  })
  const get = async (headers: Record<string, string>, method = 'GET') => {
    const asked = request(`${url}/v1/media/m`, { method, headers }).end()
    const [answer]: IncomingMessage[] = await once(asked, 'response')
    if (!answer) throw new Error('expected an answer')
    return { status: answer.statusCode, headers: answer.headers, body: await buffer(answer) }
  }
  expect(await get({ range: 'bytes=1-2' })).toMatchObject({
    status: 206,
    headers: { 'content-range': 'bytes 1-2/4', etag: '"e"' },
    body: Buffer.from('bc'),
  })
  expect(await get({ 'if-none-match': '"e"' })).toMatchObject({ status: 304, headers: { etag: '"e"' } })
  const zipped = gzipSync('abcd')
  const whole = await get({})
  expect([whole.headers['content-encoding'], whole.body]).toEqual(['gzip', zipped])
  const head = await get({}, 'HEAD')
  expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, String(zipped.length), 0])
})

it('a refusal comes back at once with its Retry-After, and is not tried again', async () => {
  let calls = 0
  const url = await before((_request, response) => {
    calls++
    response.writeHead(503, { 'retry-after': '5', 'content-type': 'application/problem+json' }).end('{"code":"x"}')
  })
  const answer = await fetch(`${url}/v1/media/m`)
  expect([answer.status, answer.headers.get('retry-after'), await answer.json()]).toEqual([503, '5', { code: 'x' }])
  expect(calls).toBe(1)
})

it('a body that is refused while it is sent is read on, so that its client sees the answer', async () => {
  const url = await before((request, response) => {
    request.resume()
    response.writeHead(413).end('too large')
  })
  const chunk = Buffer.alloc(64 * 1024)
  const body = Readable.toWeb(Readable.from(Array.from({ length: 200 }, () => chunk))) as ReadableStream
  const answer = await fetch(`${url}/v1/media/m`, { method: 'PUT', body, duplex: 'half' } as RequestInit)
  expect([answer.status, await answer.text()]).toEqual([413, 'too large'])
})

it('a client that asks whether to send its body (Expect) is told to, and answered', async () => {
  const url = await before(echo)
  const asking = request(`${url}/v1/events`, { method: 'POST', headers: { expect: '100-continue' } })
  asking.flushHeaders()
  await once(asking, 'continue')
  asking.end('{}')
  const [answer] = await once(asking, 'response')
  expect(JSON.parse(await text(answer))).toMatchObject({ body: Buffer.from('{}').toString('base64') })
})

it('a file is waited for longer than events and media', async () => {
  const limits = { silence_limit_ms: 300, file_silence_limit_ms: 60_000 }
  const url = await before(async (request, response) => {
    await buffer(request)
    setTimeout(() => response.writeHead(202).end(), 2_500)
  }, limits)
  const status = async (method: string, path: string) => (await fetch(url + path, { method, body: 'x' })).status
  expect(
    await Promise.all([
      status('PUT', '/v1/files/a/b.csv?type=click'),
      status('PUT', '/v1/media/m'),
      status('POST', '/v1/events'),
    ]),
  ).toEqual([202, 503, 503])
})

it('an ingest that is away is told as such, to be tried again; also to a re-drive', async () => {
  const app = await passingOnTo(NOBODY)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const body = 'x'.repeat(4 * 1024 ** 2)
  for (const [method, path] of [
    ['POST', '/v1/events'],
    ['PUT', '/v1/files/f'],
    ['PUT', '/v1/media/m'],
    ['GET', '/v1/media/m'],
  ] as const) {
    const answer = await fetch(url + path, { method, ...(method === 'GET' ? {} : { body }) })
    expect([answer.status, answer.headers.get('retry-after'), await answer.json()]).toMatchObject([
      503,
      '2',
      { code: 'ingest_unavailable' },
    ])
  }
  await expect(sendBy(app, undefined)([{ form: 'event', text: '{"type":"click"}' }])).rejects.toMatchObject({
    fields: { status: 503, code: 'ingest_unavailable', retry_after_s: 2 },
  })
})

it('a client that leaves in the middle of its body takes its call to ingest along', async () => {
  const left = Promise.withResolvers<void>()
  const began = Promise.withResolvers<void>()
  const url = await before((request) => {
    request.once('data', () => began.resolve()).once('close', () => left.resolve())
  })
  const client = connect(Number(new URL(url).port), '127.0.0.1')
  client.write('PUT /v1/media/m HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nbegin')
  await began.promise
  client.destroy()
  await left.promise
})

it.each([
  ['DELETE', '/v1/events', 'POST'],
  ['POST', '/v1/media/m', 'GET, HEAD, PUT'],
  ['GET', '/v1/files/a/b', 'PUT'],
] as const)('%s %s is not passed on: 405', async (method, url, allow) => {
  const answer = await (await passingOnTo(NOBODY)).inject({ method, url })
  expect([answer.statusCode, answer.headers.allow, answer.json().code]).toEqual([405, allow, 'method_not_allowed'])
})

it.each(['/v1/files/a/../../health', '/v1/files/a\\..\\..\\x', '/v1/files/a%2f..%2f..%2fx', '/v1/files/a/%2e/b'])(
  'a path that leads elsewhere is refused: %s',
  async (path) => {
    const url = new URL(await before(echo))
    const asked = request({ host: url.hostname, port: url.port, path, method: 'PUT' }).end()
    const [answer] = await once(asked, 'response')
    expect([answer.statusCode, JSON.parse(await text(answer)).code]).toEqual([400, 'invalid_path'])
  },
)

it('a refused path is told while its body still comes', async () => {
  const url = new URL(await before(echo))
  const asked = request({
    ...{ host: url.hostname, port: url.port, path: '/v1/files/a\\b', method: 'PUT' },
    headers: { connection: 'close', 'content-length': LARGE.length },
  })
  asked.end(LARGE)
  const late = sleep(DISCARD_LIMIT_MS / 2, undefined, { ref: false })
  const [answer] = (await Promise.race([once(asked, 'response'), late])) ?? []
  expect(answer?.statusCode).toBe(400)
})

it("OpenAPI describes ingest's calls, and each by its own schema", async () => {
  const { paths } = (await (await passingOnTo(NOBODY)).inject('/openapi.json')).json()
  const calls = Object.entries<object>(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  )
  expect(calls.filter((call) => call.includes('/v1/')).sort()).toEqual([
    'get /v1/media/{name}',
    'head /v1/media/{name}',
    'post /v1/events',
    'put /v1/files/{path}',
    'put /v1/media/{name}',
  ])
  expect(paths['/v1/events'].post).toMatchObject({ summary: 'Send events' })
  expect(Object.keys(paths['/v1/events'].post.responses)).toContain('207')
})

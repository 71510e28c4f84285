import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import fastify, { type InjectOptions } from 'fastify'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { DISCARD_LIMIT_MS } from '../src/discard-rest.ts'
import {
  answerProblems,
  assertSafeBinding,
  authorizer,
  backgroundLoop,
  Closers,
  createApp,
  createLogger,
  createMetrics,
  helpOf,
  ProblemError,
  parseApiKeys,
  probeRoutes,
  readConfig,
  setting,
} from '../src/index.ts'

const schema = z.object({
  port: setting.int(8080, { min: 1, max: 65535 }).describe('Port, TCP'),
  data: setting.text('./data').describe('Folder'),
  open: setting.flag(false).describe('Whether'),
  api_keys: z.string().min(50, 'expected 50 characters').optional().describe('Keys'),
})
const log = createLogger({ name: 'test', level: 'silent' })

describe('readConfig', () => {
  it('takes defaults, and what the environment says', () => {
    expect(readConfig(schema, {})).toEqual({ port: 8080, data: './data', open: false })
    expect(readConfig(schema, { SLUICE_PORT: '9', SLUICE_OPEN: '1', SLUICE_DATA: '' })).toEqual({
      port: 9,
      data: './data',
      open: true,
    })
  })
  it('names every wrong setting, and no secret', () => {
    const read = () => readConfig(schema, { SLUICE_PORT: 'eighty', SLUICE_API_KEYS: 'hunter2' })
    expect(read).toThrow(/SLUICE_PORT: expected a whole number from 1 to 65535; "eighty" came/)
    expect(read).toThrow(/SLUICE_API_KEYS: expected 50 characters; a value that is kept secret came/)
    expect(read).not.toThrow(/hunter2/)
  })
  it('lists settings with default and meaning', () => {
    expect(helpOf('Title', schema)).toMatch(/SLUICE_PORT {6}Port, TCP \(default: 8080\)/)
  })
})

it('a refusal of an injected request, whose body nobody read, is answered at once', async () => {
  const app = await createApp({ logger: log, metrics: createMetrics(), version: '0' })
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.post('/refuse', async () => {
      throw new ProblemError({ status: 403, code: 'forbidden', detail: 'no' })
    })
  })
  const answer = app.inject({ method: 'POST', url: '/refuse', payload: '{"a":1}', headers: { connection: 'close' } })
  const late = sleep(DISCARD_LIMIT_MS / 2, 'late', { ref: false })
  expect(await Promise.race([answer.then(({ statusCode }) => statusCode), late])).toBe(403)
  await app.close()
})

describe('API keys', () => {
  const keys = parseApiKeys('app:abcdefgh:ingest, ops:ijklmnop:query+admin')
  const request = (authorization?: string) =>
    ({ headers: { authorization } }) as Parameters<ReturnType<typeof authorizer>>[0]
  it('let in who has the scope', () => {
    expect(authorizer(keys)(request('Bearer abcdefgh'), 'ingest')).toEqual({ name: 'app' })
    expect(authorizer(keys)(request('Bearer ijklmnop'), 'ingest', 'admin')).toEqual({ name: 'ops' })
    expect(authorizer([])(request(), 'admin')).toEqual({ name: 'anonymous' })
  })
  it('keep out everybody else', () => {
    const codeOf = (authorization: string | undefined) => {
      try {
        return authorizer(keys)(request(authorization), 'query').name
      } catch (error) {
        return error instanceof ProblemError ? error.fields.status : error
      }
    }
    expect([undefined, 'Bearer ', 'Bearer nonsense', 'Basic abcdefgh'].map(codeOf)).toEqual([401, 401, 401, 401])
    expect(codeOf('Bearer abcdefgh')).toBe(403)
  })
  it('that are malformed are refused without telling the secret', () => {
    for (const text of [
      'a',
      'a:short:ingest',
      'a:longenough:fly',
      'a b:longenough:ingest',
      'a:longenough:ingest,a:longenough:query',
    ]) {
      expect(() => parseApiKeys(text)).toThrow(/SLUICE_API_KEYS/)
      expect(() => parseApiKeys(text)).not.toThrow(/longenough/)
    }
  })
  it('are needed beyond loopback', () => {
    expect(() => assertSafeBinding({ host: '0.0.0.0', keys: [], open: false })).toThrow(/SLUICE_OPEN/)
    for (const safe of [
      { host: '0.0.0.0', keys, open: false },
      { host: '127.0.0.1', keys: [], open: false },
      { host: '::', keys: [], open: true },
    ])
      expect(() => assertSafeBinding(safe)).not.toThrow()
  })
})

describe('a server', () => {
  it('answers errors, unknown routes and what nobody expected as problems', async () => {
    const app = fastify()
    answerProblems(app)
    app.get('/busy', async () => {
      throw new ProblemError({ status: 429, code: 'busy', detail: 'later', retry_after_s: 3 })
    })
    app.get('/broken', async () => {
      throw new Error('a secret of the inside')
    })
    app.get('/away', async () => {
      throw Object.assign(new Error('the store is away'), { code: 'unreachable', retryable: true })
    })
    const away = await app.inject('/away')
    expect([away.statusCode, away.headers['retry-after'], away.json()]).toMatchObject([
      503,
      '2',
      { code: 'unavailable', detail: 'the store is away', retryable: true },
    ])
    const busy = await app.inject('/busy')
    expect([busy.statusCode, busy.headers['retry-after'], busy.headers['content-type'], busy.json().code]).toEqual([
      429,
      '3',
      'application/problem+json; charset=utf-8',
      'busy',
    ])
    expect((await app.inject('/nothing')).json()).toMatchObject({ status: 404, code: 'unknown_route' })
    const broken = await app.inject('/broken')
    expect([broken.statusCode, broken.json().code, broken.body.includes('secret')]).toEqual([
      500,
      'internal_error',
      false,
    ])
  })
  it('tells a wrong method from an unknown path, and what Fastify and HTTP refuse as problems too', async () => {
    const app = await createApp({ logger: log, metrics: createMetrics(), version: '1.2.3' })
    app.get('/things/:id', async (request) => request.params)
    app.put(
      '/files/*',
      { schema: { params: { type: 'object', properties: { '*': { type: 'string' } } } } },
      async () => 1,
    )
    app.post('/things', async (request) => request.body ?? 'no body')
    const codeOf = async (request: InjectOptions) => {
      const answer = await app.inject(request)
      expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
      expect(answer.json().status).toBe(answer.statusCode)
      return [answer.statusCode, answer.json().code, answer.headers['allow']]
    }
    expect(await codeOf({ method: 'DELETE', url: '/things/7?x=1' })).toEqual([405, 'method_not_allowed', 'GET, HEAD'])
    expect(await codeOf({ method: 'POST', url: '/files/a/b' })).toEqual([405, 'method_not_allowed', 'PUT'])
    expect(await codeOf({ url: '/things/7/8' })).toEqual([404, 'unknown_route', undefined])
    expect(await codeOf({ url: '/things/%ff' })).toEqual([400, 'invalid_path', undefined])
    expect(await codeOf({ url: `/things/${'x'.repeat(4000)}` })).toEqual([414, 'path_too_long', undefined])
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect(await codeOf({ method: 'POST', url: '/things', headers: form, body: 'a=b' })).toEqual([
      415,
      'unsupported_media_type',
      undefined,
    ])
    const options = await app.inject({ method: 'OPTIONS', url: '/things' })
    expect([options.statusCode, options.headers['allow']]).toEqual([204, 'POST'])
    const id = '😀'.repeat(256)
    expect((await app.inject(`/things/${encodeURIComponent(id)}`)).json()).toEqual({ id })
    const empty = { method: 'POST', url: '/things', headers: { 'content-type': 'application/json' } } as const
    expect((await app.inject(empty)).body).toBe('no body')
    expect(Object.keys((await app.inject('/openapi.json')).json().paths)).toContain('/files/{path}')

    const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
    const answers = await Promise.all(
      ['nonsense\r\n\r\n', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`].map((text) =>
        rawAnswer(Number(port), text),
      ),
    )
    expect(answers.map((text) => JSON.parse(text.split('\r\n\r\n')[1] ?? '').code)).toEqual([
      'invalid_http',
      'header_too_large',
    ])
    await app.close()
  })
  it('tells that it lives and is ready, and its metrics', async () => {
    const app = fastify()
    const metrics = createMetrics()
    metrics.counter('sluice_test_events_total', 'Events').inc(3)
    probeRoutes(app, { metrics })
    expect((await app.inject('/health/live')).statusCode).toBe(200)
    const ready = await app.inject('/health/ready')
    expect([ready.statusCode, ready.json()]).toEqual([200, { status: 'ready' }])
    expect((await app.inject('/metrics')).body).toContain('sluice_test_events_total 3')
    expect(() => metrics.gauge('events', 'x')).toThrow(/sluice_ingest_events_total/)
  })
})

describe('parts of a process', () => {
  it('close in the reverse order, whatever one of them does', async () => {
    const closers = new Closers()
    const closed: string[] = []
    const open = (name: string, close: () => Promise<unknown>) => closers.open(name, () => name, close)
    await open('a', async () => closed.push('a'))
    await open('b', async () => {
      throw new Error('b')
    })
    await open('c', async () => new Promise(() => undefined))
    await open('d', async () => closed.push('d'))
    expect(await closers.close(log, 20)).toBe(false)
    expect(closed).toEqual(['d', 'a'])
  })
  it('what is being opened when they close is waited for and closed first, and its start ends', async () => {
    const closers = new Closers()
    const told: string[] = []
    const part = (name: string) => ({ close: async () => told.push(name) })
    await closers.open('a', () => part('a'))
    let opened = (_: ReturnType<typeof part>) => {}
    const late = closers.open('late', () => new Promise<ReturnType<typeof part>>((done) => (opened = done)))
    const closing = closers.close(log)
    await expect(
      closers.open(
        'never',
        () => told.push('never'),
        async () => undefined,
      ),
    ).rejects.toThrow('never is not opened: the process ends')
    opened(part('late'))
    await expect(late).rejects.toThrow('late was opened while the process ended')
    expect(await closing).toBe(true)
    expect(told).toEqual(['late', 'a'])
  })
  it('what is not opened in time has what it stands on closed under it', async () => {
    const closers = new Closers()
    let closed = false
    await closers.open(
      'a',
      () => 'a',
      async () => {
        closed = true
      },
    )
    void closers.open(
      'never',
      () => new Promise<string>(() => undefined),
      async () => undefined,
    )
    expect(await closers.close(log, 20)).toBe(true)
    expect(closed).toBe(true)
  })
  it('a loop takes its turn again after a failure, and stops', async () => {
    let turns = 0
    const failures: unknown[] = []
    await new Promise<void>((resolve) => {
      const loop = backgroundLoop(
        async () => {
          turns++
          if (turns === 1) throw new Error('first')
          if (turns === 3) void loop.stop().then(resolve)
        },
        { name: 'test', log, pause_ms: 0, backoff_ms: 1, failed: (error) => failures.push(error) },
      )
    })
    expect([turns, failures.length]).toEqual([3, 1])
  })
})

/** All that a server says to a text, until it ends the connection. */
async function rawAnswer(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.end(text)
  let answer = ''
  for await (const chunk of socket) answer += String(chunk)
  return answer
}

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { StoreError } from '@sluice/store/store'
import { afterEach, expect, test } from 'vitest'
import { openStore } from '../src/server.ts'
import { quality } from './quality-tables.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown

const json =
  (status: number, body: object): Answer =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

const plain: Answer = (_, response) => response.writeHead(200).end('OK')
const healthy = json(200, { name: 'influxdb', status: 'pass', version: 'v2.7.12' })
const bucket = (everySeconds: number) =>
  json(200, { buckets: [{ id: 'b', name: 'lake', retentionRules: [{ type: 'expire', everySeconds }] }] })

let stop: (() => Promise<void>) | undefined
afterEach(async () => {
  await stop?.()
  stop = undefined
})

/** A server that answers what its routes say. */
async function serverOf(routes: Readonly<Record<string, Answer>>): Promise<string> {
  const all: Readonly<Record<string, Answer>> = { '/health': healthy, '/api/v2/buckets': bucket(0), ...routes }
  const server = createServer((request, response) => {
    const answer = all[(request.url ?? '').split('?')[0] ?? '']
    if (answer) answer(request, response)
    else response.writeHead(204).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stop = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const open = (url: string, timeout_ms = 5_000) =>
  openStore({ url, token: 'very-secret', org: 'studio', bucket: 'lake', timeout_ms })

const errorOf = async (work: Promise<unknown>): Promise<StoreError> => {
  const error = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  )
  if (!(error instanceof StoreError)) throw new Error(`expected a StoreError, got ${error}`)
  expect(error.message).not.toContain('very-secret')
  expect(error.message).not.toContain('\n')
  return error
}

test.each([
  [
    'a token it does not know',
    { '/api/v2/buckets': json(401, { code: 'unauthorized', message: 'unauthorized access' }) },
    'access_denied',
    false,
    'does not know the token',
  ],
  [
    'a token without permission',
    { '/api/v2/buckets': json(403, { code: 'forbidden', message: 'read:buckets' }) },
    'access_denied',
    false,
    'give it both permissions',
  ],
  [
    'no such organisation',
    { '/api/v2/buckets': json(404, { code: 'not found', message: 'organization name "studio" not found' }) },
    'failed',
    false,
    'no bucket lake of organisation studio',
  ],
  ['no such bucket', { '/api/v2/buckets': json(200, { buckets: [] }) }, 'failed', false, 'no bucket lake'],
  ['a bucket that forgets', { '/api/v2/buckets': bucket(3600) }, 'failed', false, 'drops points after 3600 s'],
  [
    'InfluxDB 1',
    { '/health': json(200, { name: 'influxdb', status: 'pass', version: '1.8.10' }) },
    'too_old',
    false,
    'is 1.8.10',
  ],
  ['something else', { '/health': plain }, 'too_old', false, 'is unknown'],
  [
    'a server that starts',
    { '/health': json(503, { code: 'unavailable', message: 'starting' }) },
    'busy',
    true,
    'starting',
  ],
] as const)('opening on %s says so in one line', async (_, routes, code, retryable, words) => {
  const error = await errorOf(open(await serverOf(routes)))
  expect(error).toMatchObject({ code, retryable })
  expect(error.message).toContain(words)
})

test('opening where nobody listens can be tried again', async () => {
  const url = await serverOf({})
  await stop?.()
  stop = undefined
  expect(await errorOf(open(url))).toMatchObject({ code: 'unreachable', retryable: true })
})

test('what is not InfluxDB, and what is no url, is told as such', async () => {
  const other = json(404, { error: 'no such index [health]', status: 404 })
  expect(await errorOf(open(await serverOf({ '/health': other })))).toMatchObject({
    code: 'failed',
    retryable: false,
    message: expect.stringMatching(/^expected InfluxDB 2 at .*; something else answers there$/),
  })
  expect(await errorOf(open('127.0.0.1:8086'))).toMatchObject({
    code: 'failed',
    message: 'expected a url like http://host:8086; another text came',
  })
})

const half: Answer = (request, response) => {
  response.writeHead(200, { 'content-type': 'text/csv' })
  response.write(',result,table,_table,_field,_value\r\n', () => request.socket.destroy())
}
const silent: Answer = (_, response) => {
  response.writeHead(200, { 'content-type': 'text/csv' })
  response.write(',result,table,_table,_field,_value\r\n')
}
const ended: Answer = (_, response) =>
  response
    .writeHead(200, { 'content-type': 'text/csv' })
    .end(',result,table,_table\r\n\r\nerror,reference\r\nout of memory,\r\n')

test.each([
  ['429', json(429, { code: 'too many requests', message: 'later' }), 'busy'],
  ['500', json(500, { code: 'internal error', message: 'boom' }), 'failed'],
  ['a full disk', json(500, { code: 'internal error', message: 'write /wal: no space left on device' }), 'no_space'],
  ['half an answer', half, 'unreachable'],
  ['an answer that stops', silent, 'unreachable'],
  ['an error at the end of an answer', ended, 'failed'],
] as const)('%s instead of an answer can be tried again', async (_, answer, code) => {
  const store = await open(await serverOf({ '/api/v2/query': answer }), 300)
  expect(await errorOf(store.progress())).toMatchObject({ code, retryable: true })
  await store.close()
})

test('a bucket that was dropped meanwhile is named', async () => {
  const gone = json(404, { code: 'not found', message: 'bucket "lake" not found' })
  const store = await open(await serverOf({ '/api/v2/write': gone }))
  expect((await errorOf(store.prepare([quality]))).message).toContain('has no bucket lake')
  await store.close()
})

import { StoreError } from '@sluice/store'
import { afterEach, expect, test } from 'vitest'
import { openStore } from '../src/server.ts'
import { type FaultyServer, openFaultyServer, type Reply } from './faulty-server.ts'

let server: FaultyServer | undefined

afterEach(async () => {
  await server?.close()
  server = undefined
})

/** What `openStore` says to a server that answers everything so. */
async function refusalOf(reply: Reply | 'cut', options: object = {}): Promise<StoreError> {
  server = await openFaultyServer('', async () => reply)
  const error: unknown = await openStore({ url: server.url, ...options }).catch((caught: unknown) => caught)
  if (!(error instanceof StoreError)) throw new Error(`expected a StoreError, got ${error}`)
  expect(error.message).not.toContain('\n')
  return error
}

const failure = (type: string, reason: string) => JSON.stringify({ error: { type, reason } })

test('nobody at the url is unreachable, to be tried again', async () => {
  const error = await openStore({ url: 'http://127.0.0.1:9' }).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code: 'unreachable', retryable: true })
  expect(await refusalOf('cut')).toMatchObject({ code: 'unreachable', retryable: true })
})

test('wrong credentials are one clear line that does not show them', async () => {
  const error = await refusalOf(
    { status: 401, body: failure('security_exception', 'unable to authenticate user [sluice]') },
    { username: 'sluice', password: 'pass-that-nobody-sees' },
  )
  expect(error).toMatchObject({ code: 'access_denied', retryable: false })
  expect(error.message).toContain('check the credentials')
  expect(`${error.message}${JSON.stringify(error.cause)}`).not.toContain('pass-that-nobody-sees')
})

test('a server of an older major version is too old', async () => {
  expect(await refusalOf({ status: 200, body: JSON.stringify({ version: { number: '8.19.1' } }) })).toMatchObject({
    code: 'too_old',
    message: 'expected Elasticsearch 9 or newer; the server is 8.19.1',
  })
  const reason = 'Accept version must be either version 8 or 7, but found 9.'
  expect(await refusalOf({ status: 400, body: failure('media_type_header_exception', reason) })).toMatchObject({
    code: 'too_old',
    retryable: false,
  })
})

test('a server that is full or starting is tried again', async () => {
  const html = { 'content-type': 'text/html' }
  const away = { status: 503, body: '<h1>upstream is away</h1>', headers: html }
  expect(await refusalOf(away)).toMatchObject({ code: 'busy', retryable: true })
  expect(await refusalOf({ status: 200, body: '{"versi' })).toMatchObject({ code: 'unreachable', retryable: true })
})

test('another product is told as such', async () => {
  const headers = { 'content-type': 'application/json' }
  expect(await refusalOf({ status: 200, body: '{"version": {"number": "9.0.0"}}', headers })).toMatchObject({
    code: 'failed',
    message: expect.stringContaining('another product answers'),
  })
})

test('another product that does not know the question is told as such', async () => {
  const headers = { 'content-type': 'application/json' }
  expect(
    await refusalOf({ status: 404, body: '{"code": "not found", "message": "path not found"}', headers }),
  ).toMatchObject({
    code: 'failed',
    retryable: false,
    message: expect.stringContaining('another product answers'),
  })
})

test.each([
  [{ url: 'host:9200' }, 'expected a url like https://host:9200'],
  [{ url: 'http://user:pass-that-nobody-sees@host:9200' }, 'expected a url without credentials'],
  [{ url: 'http://host', username: 'a' }, 'expected username and password together'],
  [{ url: 'http://host', username: 'a', password: 'b', api_key: 'c' }, 'both came'],
  [{ url: 'http://host', prefix: 'Über' }, 'expected a prefix'],
])('options that fit nothing are refused: %j', async (options, message) => {
  const error = await openStore(options).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code: 'failed', message: expect.stringContaining(message) })
  expect(String(error)).not.toContain('pass-that-nobody-sees')
})

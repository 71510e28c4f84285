import { createHash, randomBytes } from 'node:crypto'
import { ObjectStoreError } from '@sluice/object-store'
import { authorizer, parseApiKeys } from '@sluice/service'
import { afterEach, expect, test } from 'vitest'
import { keysOf, textOf, type World, world } from './world.ts'

let w: World
afterEach(() => w?.close())

const bytes = randomBytes(5000)
const sha256 = createHash('sha256').update(bytes).digest('hex')
const put = (
  name: string,
  payload: Buffer = bytes,
  headers: Record<string, string> = { 'content-type': 'video/mp4' },
) => w.app.inject({ method: 'PUT', url: `/v1/media/${name}`, payload, headers })
const get = (name: string, headers: Record<string, string> = {}) =>
  w.app.inject({ method: 'GET', url: `/v1/media/${name}`, headers })

test('a medium comes back byte for byte, by hash for ever, by name to be asked for again', async () => {
  w = await world()
  const answer = await put('trailer.mp4')
  expect(answer.json()).toEqual({
    name: 'trailer.mp4',
    sha256,
    key: `media/sha256/${sha256}`,
    size: 5000,
    content_type: 'video/mp4',
  })
  const by_hash = await get(sha256)
  expect(by_hash.rawPayload.equals(bytes)).toBe(true)
  expect(by_hash.headers).toMatchObject({
    'content-type': 'video/mp4',
    'content-length': '5000',
    etag: `"${sha256}"`,
    'cache-control': 'public, max-age=31536000, immutable',
    'x-content-type-options': 'nosniff',
  })
  const by_name = await get('trailer.mp4')
  expect(by_name.rawPayload.equals(bytes)).toBe(true)
  expect(by_name.headers['cache-control']).toBe('no-cache')
  expect(JSON.parse(await textOf(w.objects, 'media/names/trailer.mp4'))).toEqual(answer.json())
})

test('the same bytes under another name and type are kept once; a name moves on to new bytes', async () => {
  w = await world()
  await put('a')
  expect((await put('b', bytes, { 'content-type': 'image/png' })).json()).toMatchObject({
    sha256,
    content_type: 'image/png',
  })
  expect(await keysOf(w.objects, 'media/sha256/')).toHaveLength(1)
  expect((await get('b')).headers['content-type']).toBe('image/png')
  expect((await get(sha256)).headers['content-type']).toBe('video/mp4')
  await put('a', Buffer.from('new'))
  expect((await get('a')).body).toBe('new')
})

test.each([
  ['bytes=0-9', 206, 'bytes 0-9/5000', 0, 10],
  ['bytes=4990-', 206, 'bytes 4990-4999/5000', 4990, 5000],
  ['bytes=-10', 206, 'bytes 4990-4999/5000', 4990, 5000],
  ['bytes=-9999', 206, 'bytes 0-4999/5000', 0, 5000],
  ['bytes=4999-9999', 206, 'bytes 4999-4999/5000', 4999, 5000],
  ['bytes=5000-', 416, 'bytes */5000', 0, 0],
  ['bytes=-0', 416, 'bytes */5000', 0, 0],
  ['bytes=9-1', 200, undefined, 0, 5000],
  ['bytes=99999999999999999999-', 416, 'bytes */5000', 0, 0],
  ['bytes=4990-99999999999999999999', 206, 'bytes 4990-4999/5000', 4990, 5000],
  ['bytes=0-1,5-6', 200, undefined, 0, 5000],
  ['lines=0-1', 200, undefined, 0, 5000],
])('Range: %s is answered with %i', async (range, status, content_range, start, end) => {
  w = await world()
  await put('a')
  const answer = await get('a', { range })
  expect([answer.statusCode, answer.headers['content-range']]).toEqual([status, content_range])
  if (status !== 416) expect(answer.rawPayload.equals(bytes.subarray(start, end))).toBe(true)
})

test('If-None-Match, If-Range and HEAD', async () => {
  w = await world()
  await put('a')
  expect((await get('a', { 'if-none-match': `"x", W/"${sha256}"` })).statusCode).toBe(304)
  expect((await get('a', { 'if-none-match': '*' })).statusCode).toBe(304)
  expect((await get('a', { 'if-none-match': '"x"' })).statusCode).toBe(200)
  expect((await get('a', { range: 'bytes=0-1', 'if-range': '"x"' })).statusCode).toBe(200)
  expect((await get('a', { range: 'bytes=0-1', 'if-range': `"${sha256}"` })).statusCode).toBe(206)
  const head = await w.app.inject({ method: 'HEAD', url: '/v1/media/a', headers: { range: 'bytes=0-1' } })
  expect([head.statusCode, head.headers['content-length'], head.rawPayload.length]).toEqual([200, '5000', 0])
})

test('an empty medium is one', async () => {
  w = await world()
  expect((await put('empty', Buffer.alloc(0))).json().size).toBe(0)
  const answer = await get('empty')
  expect([answer.statusCode, answer.rawPayload.length]).toEqual([200, 0])
  expect((await get('empty', { range: 'bytes=0-' })).statusCode).toBe(416)
})

test.each(['%2e%2e', '..%2Fx', 'a%2Fb', 'a%5Cb', 'a%00', 'a%0A', `${'x'.repeat(256)}`, sha256])(
  'the name %s is refused',
  async (name) => {
    w = await world()
    const answer = await put(name)
    expect([400, 404, 414]).toContain(answer.statusCode)
    expect(await keysOf(w.objects)).toEqual([])
  },
)

test.each(['a b.mp4', 'é', '映画 👀.mp4', '%', '"q"', "o'clock", 'a?b#c', '__proto__', '...'])(
  'the name %s is kept as it is',
  async (name) => {
    w = await world()
    expect((await put(encodeURIComponent(name))).json().name).toBe(name)
    expect((await get(encodeURIComponent(name))).rawPayload.equals(bytes)).toBe(true)
  },
)

test('what is not there is a 404; what is too large, encoded, or of no type is refused', async () => {
  w = await world({ limits: { media_limit_bytes: 100 } })
  expect((await get('none')).json()).toMatchObject({ status: 404, code: 'not_found' })
  expect((await get(sha256)).statusCode).toBe(404)
  expect((await put('a')).json()).toMatchObject({ status: 413, code: 'body_too_large' })
  expect((await put('a', Buffer.from('x'), { 'content-encoding': 'gzip' })).statusCode).toBe(415)
  expect((await put('a', Buffer.from('x'), { 'content-type': 'text/html; \u0080' })).statusCode).toBe(400)
})

test('an object store that is away is a 503 with Retry-After', async () => {
  w = await world()
  w.faults.before = () => {
    throw new ObjectStoreError('unreachable', 'gone', { retryable: true })
  }
  const answer = await put('a')
  expect([answer.statusCode, answer.json().code, answer.headers['retry-after']]).toEqual([503, 'unreachable', '5'])
})

test('an object store that refuses us is a 503, too: what is sent again once that is mended is not lost', async () => {
  w = await world()
  w.faults.before = () => {
    throw new ObjectStoreError('access_denied', 'access denied')
  }
  const answer = await put('a')
  expect([answer.statusCode, answer.json().code, answer.headers['retry-after']]).toEqual([503, 'access_denied', '5'])
})

test('without a key the answer names the scheme that is wanted', async () => {
  w = await world({ authorize: authorizer(parseApiKeys('a:secret-of-a:query')) })
  const answer = await put('a')
  expect([answer.statusCode, answer.json().code, answer.headers['www-authenticate']]).toEqual([
    401,
    'unauthorized',
    'Bearer',
  ])
})

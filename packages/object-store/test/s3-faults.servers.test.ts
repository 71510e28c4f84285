import { randomUUID } from 'node:crypto'
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { describeServer, minioEndpoint } from '../../../test/servers/endpoints.ts'
import { type Fault, type FaultProxy, faultProxy } from '../../../test/servers/fault-proxy.ts'
import type { ObjectStore } from '../src/index.ts'
import { openS3Store, type S3StoreOptions } from '../src/s3.ts'

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text))
const textOf = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('utf8')
const BUCKET = 'sluice-test'
const PART = 5 * 1024 ** 2

async function* chunks(count: number, size = 1_000_000): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield new Uint8Array(size).fill(i)
}

/** Meets the first requests that fit the pattern, then lets all pass. */
function once(pattern: RegExp, ...faults: Fault[]): (asked: string) => Fault {
  return (asked) => (pattern.test(asked) ? (faults.shift() ?? 'pass') : 'pass')
}

await describeServer('MinIO on bad days', minioEndpoint, ({ endpoint, access_key, secret_key }) => {
  const credentials = { access_key, secret_key }
  const options = (more: Partial<S3StoreOptions> = {}): S3StoreOptions => ({
    endpoint,
    bucket: BUCKET,
    prefix: randomUUID(),
    credentials,
    part_bytes: PART,
    ...more,
  })
  let judge: (asked: string) => Fault
  let proxy: FaultProxy
  let store: ObjectStore

  beforeAll(async () => (await openS3Store(options({ create_bucket: true }))).close())
  beforeEach(async () => {
    judge = () => 'pass'
    proxy = await faultProxy(endpoint, (asked) => judge(asked))
    store = await openS3Store(options({ endpoint: proxy.endpoint, request_timeout_ms: 2_000 }))
  })
  afterEach(async () => {
    judge = () => 'pass'
    await store.close()
    await proxy.stop()
  })

  describe('what is done is done once, and told', () => {
    it('a conditional put whose answer was lost knows that it won', async () => {
      judge = once(/^PUT/, 'drop_answer')
      const outcome = await store.putIfAbsent('commit', bytesOf('ours'))
      expect(outcome).toEqual({ kind: 'created', etag: (await store.head('commit'))?.etag })
      expect(proxy.requests.filter((asked) => asked.startsWith('PUT') && asked.includes('commit'))).toHaveLength(2)
    })

    it('a conditional put that came second knows it, though the answers of both were lost', async () => {
      judge = once(/^PUT/, 'drop_answer', 'drop_answer')
      const outcomes = await Promise.all([
        store.putIfAbsent('commit', bytesOf('same')),
        store.putIfAbsent('commit', bytesOf('same')),
      ])
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['created', 'exists'])
    })

    it('a compare-and-set whose answer was lost knows that it won', async () => {
      const { etag } = await store.put('state', bytesOf('0'))
      judge = once(/^PUT/, 'drop_answer')
      const replaced = await store.replaceIfMatch('state', bytesOf('1'), etag)
      expect(replaced?.etag).toBe((await store.head('state'))?.etag)
      expect(await store.replaceIfMatch('state', bytesOf('2'), etag)).toBeUndefined()
    })

    it('a conflict of two conditional puts is tried again', async () => {
      judge = once(/^PUT/, { status: 409, body: '<Error><Code>ConditionalRequestConflict</Code></Error>' })
      expect((await store.putIfAbsent('conflict', bytesOf('x'))).kind).toBe('created')
    })

    it('an upload in parts whose completion was done and not answered is complete', async () => {
      judge = once(/^POST .*uploadId=/, 'drop_answer')
      const written = await store.write('large', chunks(12))
      expect(written).toEqual({ size: 12_000_000, etag: (await store.head('large'))?.etag })
      expect((await store.head('large'))?.size).toBe(12_000_000)
    })
  })

  describe('what passes is tried again', () => {
    it('every third request answered with 503', async () => {
      let count = 0
      judge = () => (count++ % 3 === 0 ? 'answer_503' : 'pass')
      await Promise.all(Array.from({ length: 30 }, (_, i) => store.put(`busy/${i}`, bytesOf(String(i)))))
      const texts = await Promise.all(Array.from({ length: 30 }, async (_, i) => textOf(await store.get(`busy/${i}`))))
      expect(texts).toEqual(Array.from({ length: 30 }, (_, i) => String(i)))
      await store.write('busy/large', chunks(12))
      expect((await store.head('busy/large'))?.size).toBe(12_000_000)
    })

    it('answers that are cut in the middle', async () => {
      const whole = Buffer.alloc(3_000_000, 'abcdefg')
      await store.put('whole', whole)
      judge = once(/^GET/, 'cut_answer', 'cut_answer')
      expect(Buffer.compare((await store.get('whole')) ?? Buffer.alloc(0), whole)).toBe(0)
      judge = once(/^GET/, 'cut_answer', 'cut_answer', 'cut_answer')
      const parts: Uint8Array[] = []
      for await (const part of (await store.read('whole', { start: 7 }))!) parts.push(part)
      expect(Buffer.compare(Buffer.concat(parts), whole.subarray(7))).toBe(0)
    })

    it('an object that is replaced while a cut stream of it is read is not mixed', async () => {
      await store.put('mixed', Buffer.alloc(3_000_000, 'a'))
      judge = once(/^GET/, 'cut_answer')
      const stream = await store.read('mixed')
      await store.put('mixed', Buffer.alloc(3_000_000, 'b'))
      const read = (async () => {
        for await (const part of stream!) expect(Buffer.from(part).includes('b')).toBe(false)
      })()
      await expect(read).rejects.toMatchObject({ code: 'failed', retryable: true })
    })

    it('a listing whose page is cut', async () => {
      await store.put('list/a', bytesOf('a'))
      judge = once(/^GET .*list-type=2/, 'cut_answer')
      const keys: string[] = []
      for await (const { key } of store.list('list/')) keys.push(key)
      expect(keys).toEqual(['list/a'])
    })

    it('a server that was restarted: pooled connections are dead', async () => {
      await Promise.all(Array.from({ length: 20 }, (_, i) => store.put(`pool/${i}`, bytesOf('x'))))
      proxy.breakConnections()
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) => store.putIfAbsent(`again/${i}`, bytesOf('x'))),
      )
      expect(outcomes.every(({ kind }) => kind === 'created')).toBe(true)
    })

    it('a request that nobody answers', async () => {
      judge = once(/^PUT/, { delay_ms: 10_000 })
      const started = performance.now()
      expect((await store.putIfAbsent('slow', bytesOf('x'))).kind).toBe('created')
      expect(performance.now() - started).toBeLessThan(8_000)
    })
  })

  it('an upload that breaks leaves neither an object nor parts', async () => {
    const prefix = randomUUID()
    const whole = await openS3Store(options({ prefix }))
    const broken = whole.write(
      'broken',
      (async function* () {
        yield* chunks(12)
        throw new Error('the client went away')
      })(),
    )
    await expect(broken).rejects.toThrow('the client went away')
    expect(await whole.head('broken')).toBeUndefined()
    const client = new S3Client({
      endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: access_key, secretAccessKey: secret_key },
    })
    const { Uploads = [] } = await client.send(
      new ListMultipartUploadsCommand({ Bucket: BUCKET, Prefix: `${prefix}/broken` }),
    )
    expect(Uploads).toEqual([])
    client.destroy()
    await whole.close()
  })

  it('connections are bounded', async () => {
    const counted = await faultProxy(endpoint, () => 'pass')
    const bounded = await openS3Store(options({ endpoint: counted.endpoint, connections: 4 }))
    await Promise.all(Array.from({ length: 60 }, (_, i) => bounded.put(`many/${i}`, bytesOf('x'))))
    expect(counted.most_connections).toBeLessThanOrEqual(4)
    await bounded.close()
    await counted.stop()
  })

  it('a listing goes on over its pages', async () => {
    const keys = Array.from({ length: 1_050 }, (_, i) => `pages/${String(i).padStart(5, '0')}`)
    for (let at = 0; at < keys.length; at += 50)
      await Promise.all(keys.slice(at, at + 50).map((key) => store.put(key, bytesOf(''))))
    const listed: string[] = []
    for await (const { key } of store.list('pages/')) listed.push(key)
    expect(listed).toEqual(keys)
    await store.delete(keys)
    for await (const { key } of store.list('pages/')) expect.unreachable(`${key} is still there`)
  })

  describe('a place that cannot be used is refused at start, in one clear line', () => {
    const refusal = async (more: Partial<S3StoreOptions>) => {
      const error = await openS3Store(options({ start_within_ms: 500, ...more })).then(
        () => expect.unreachable('it was opened'),
        (reason: unknown) => reason,
      )
      const { message, code } = error as Error & { code: string }
      expect(message).not.toContain('\n')
      expect(message).not.toContain(secret_key)
      return { message, code }
    }

    it('wrong access key, wrong secret key', async () => {
      const unknown = await refusal({ credentials: { access_key: 'nobody', secret_key } })
      expect(unknown).toMatchObject({ code: 'access_denied', message: expect.stringContaining('access key') })
      const wrong = await refusal({ credentials: { access_key, secret_key: 'wrong-wrong' } })
      expect(wrong).toMatchObject({ code: 'access_denied', message: expect.stringContaining('secret key') })
    })

    it('a missing bucket', async () => {
      expect(await refusal({ bucket: 'no-such-bucket-here' })).toMatchObject({
        code: 'not_found',
        message: expect.stringContaining('there is no bucket no-such-bucket-here'),
      })
    })

    it('nobody listens there', async () => {
      expect(await refusal({ endpoint: 'http://127.0.0.1:9' })).toMatchObject({
        code: 'unreachable',
        message: expect.stringContaining('http://127.0.0.1:9'),
      })
    })

    it('a store that ignores If-None-Match, and one that does not know it', async () => {
      const answers: Fault[] = [
        { status: 200, headers: { etag: '"0123"' } },
        { status: 501, body: '<Error><Code>NotImplemented</Code></Error>' },
      ]
      for (const answer of answers) {
        judge = (asked) => (asked.startsWith('PUT') ? answer : 'pass')
        expect(await refusal({ endpoint: proxy.endpoint })).toMatchObject({ code: 'no_conditional_put' })
      }
    })
  })
})

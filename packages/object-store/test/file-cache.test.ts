import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileCache } from '../src/s3/file-cache.ts'

/** A content as S3 tells of it: its ETag is its MD5. */
const contentOf = (key: string, text: string) => ({
  key,
  etag: `"${createHash('md5').update(text).digest('hex')}"`,
  size: Buffer.byteLength(text),
})

describe('a cache of objects as files', () => {
  let path: string
  let now: number
  let fetched: string[]
  const open = (limit_bytes = 100) => FileCache.open({ path, limit_bytes, keep_ms: 1000, now: () => now })
  const get = (cache: FileCache, key: string, text: string) =>
    cache.path(contentOf(key, text), async function* () {
      fetched.push(key)
      yield new Uint8Array(Buffer.from(text))
    })

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'file-cache-'))
    now = 0
    fetched = []
  })
  afterEach(() => rm(path, { recursive: true, force: true }))

  it('fetches a content once, however many ask at the same time', async () => {
    const cache = await open()
    const paths = await Promise.all([1, 2, 3].map(() => get(cache, 'a/x.parquet', 'abc')))
    expect(new Set([...paths, await get(cache, 'a/x.parquet', 'abc')]).size).toBe(1)
    expect(await readFile(paths[0]!, 'utf8')).toBe('abc')
    expect(paths[0]).toMatch(/\.parquet$/)
    expect(fetched).toEqual(['a/x.parquet'])
  })

  it('another content of the same key is another file', async () => {
    const cache = await open()
    const first = await get(cache, 'a', 'one')
    const second = await get(cache, 'a', 'two')
    expect([await readFile(first, 'utf8'), await readFile(second, 'utf8')]).toEqual(['one', 'two'])
  })

  it('stays below its limit: the least recently used go first, never those in use', async () => {
    const cache = await open(10)
    const a = await get(cache, 'a', 'aaaa')
    await get(cache, 'b', 'bbbb')
    await expect(get(cache, 'c', 'cccc')).rejects.toMatchObject({ code: 'no_space', retryable: true })
    now = 500
    await get(cache, 'a', 'aaaa')
    now = 1000
    await get(cache, 'c', 'cccc')
    expect(fetched).toEqual(['a', 'b', 'c'])
    expect(await readFile(a, 'utf8')).toBe('aaaa')
    expect(cache.bytes).toBe(8)
    expect(await readdir(path)).toHaveLength(2)
    await expect(get(cache, 'd', 'x'.repeat(11))).rejects.toMatchObject({ code: 'no_space' })
  })

  it('stays below its limit while several are fetched at the same time, too', async () => {
    const cache = await open(10)
    await get(cache, 'old', 'ooooo')
    now = 2000
    const most: number[] = []
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c', 'd', 'e'].map((key) =>
        cache.path(contentOf(key, key.repeat(6)), async function* () {
          most.push(cache.bytes)
          yield new Uint8Array(Buffer.from(key.repeat(6)))
        }),
      ),
    )
    expect(Math.max(...most)).toBeLessThanOrEqual(10)
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', ...Array(4).fill('rejected')])
    expect([cache.bytes, (await readdir(path)).length]).toEqual([6, 1])
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'no_space', retryable: true })
  })

  it('a fetch that breaks or is short leaves nothing and is tried again by the next', async () => {
    const cache = await open()
    const breaking = cache.path(contentOf('a', 'abc'), async function* () {
      yield new Uint8Array(1)
      throw new Error('cut')
    })
    await expect(breaking).rejects.toThrow('cut')
    const short = cache.path(contentOf('a', 'abc'), async function* () {
      yield new Uint8Array(1)
    })
    await expect(short).rejects.toThrow('expected 3 bytes, 1 came')
    expect([cache.bytes, await readdir(path)]).toEqual([0, []])
    expect(await readFile(await get(cache, 'a', 'abc'), 'utf8')).toBe('abc')
  })

  it('a file that somebody removed or changed is fetched again', async () => {
    const cache = await open()
    await rm(await get(cache, 'a', 'abc'))
    await writeFile(await get(cache, 'a', 'abc'), 'abcd')
    expect(await readFile(await get(cache, 'a', 'abc'), 'utf8')).toBe('abc')
    expect(fetched).toEqual(['a', 'a', 'a'])
    expect(cache.bytes).toBe(3)
  })

  it('after a restart a file serves again if its bytes have the ETag, and else is fetched', async () => {
    const before = await open()
    const good = await get(before, 'good', 'good')
    const torn = await get(before, 'torn', 'torn')
    await writeFile(torn, '\0\0\0\0')
    await writeFile(join(path, 'x.unfinished'), 'half')
    fetched = []
    const cache = await open()
    expect(cache.bytes).toBe(8)
    expect(await get(cache, 'good', 'good')).toBe(good)
    expect(await readFile(await get(cache, 'torn', 'torn'), 'utf8')).toBe('torn')
    expect(fetched).toEqual(['torn'])
    expect((await readdir(path)).sort()).toEqual([good, torn].map((file) => file.slice(path.length + 1)).sort())
  })

  it('a restart with a lower limit makes room', async () => {
    const before = await open()
    for (const key of ['a', 'b', 'c']) await get(before, key, `${key}${key}`)
    const cache = await open(4)
    expect(cache.bytes).toBe(4)
    expect(await readdir(path)).toHaveLength(2)
  })

  it('takes over a local file, or deletes it if there is no room', async () => {
    const cache = await open(5)
    const own = join(path, 'own')
    await writeFile(own, 'taken')
    await cache.take(contentOf('t', 'taken'), own)
    expect(await readFile(await get(cache, 't', 'taken'), 'utf8')).toBe('taken')
    expect(fetched).toEqual([])
    await writeFile(own, 'other')
    await cache.take(contentOf('o', 'other'), own)
    expect((await readdir(path)).length).toBe(1)
  })

  it('a temporary one is gone when closed', async () => {
    const temporary = await FileCache.open({ path: join(path, 't'), limit_bytes: 1, keep_ms: 0, temporary: true })
    await temporary.close()
    expect(await readdir(path)).toEqual([])
  })
})

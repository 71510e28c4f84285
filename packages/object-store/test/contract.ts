import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ObjectStore } from '../src/index.ts'

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text))
const textOf = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8')
async function allOf<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

/** The one contract suite of `ObjectStore`. `open` gives a store on an empty place. */
export function contractOfObjectStore(
  name: string,
  open: () => Promise<{ store: ObjectStore; end: () => Promise<void> }>,
): void {
  describe(`${name} keeps the contract of an object store`, () => {
    let store: ObjectStore
    let end: () => Promise<void>
    beforeAll(async () => {
      ;({ store, end } = await open())
    })
    afterAll(() => end())

    it('what was put is read, whole and in ranges', async () => {
      await store.put('a/b.txt', bytesOf('0123456789'))
      expect(textOf(await store.get('a/b.txt'))).toBe('0123456789')
      expect(textOf(await store.get('a/b.txt', { start: 2, end: 4 }))).toBe('234')
      expect(textOf(await store.get('a/b.txt', { start: 7 }))).toBe('789')
      expect(textOf(await store.get('a/b.txt', { start: 7, end: 99 }))).toBe('789')
      expect(textOf(Buffer.concat(await allOf((await store.read('a/b.txt', { start: 1, end: 3 }))!)))).toBe('123')
    })

    it('a range that begins behind the end is refused', async () => {
      await store.put('short', bytesOf('abc'))
      await expect(store.get('short', { start: 3 })).rejects.toMatchObject({ code: 'invalid_range' })
    })

    it('what is not there is undefined, and deleting it no error', async () => {
      expect(await store.get('nothing')).toBeUndefined()
      expect(await store.read('nothing')).toBeUndefined()
      expect(await store.head('nothing')).toBeUndefined()
      expect(await store.copy('nothing', 'x')).toBe(false)
      await store.delete(['nothing'])
      await expect(store.localPath('nothing')).rejects.toMatchObject({ code: 'not_found' })
    })

    it('an empty object is an object', async () => {
      await store.put('empty', new Uint8Array())
      expect((await store.get('empty'))?.length).toBe(0)
      expect((await store.head('empty'))?.size).toBe(0)
      expect(await allOf((await store.read('empty'))!).then((chunks) => Buffer.concat(chunks).length)).toBe(0)
    })

    it('a put replaces, and its ETag is another', async () => {
      const first = await store.put('replaced', bytesOf('one'))
      const second = await store.put('replaced', bytesOf('two'))
      expect(second.etag).not.toBe(first.etag)
      expect((await store.head('replaced'))?.etag).toBe(second.etag)
      expect(textOf(await store.get('replaced'))).toBe('two')
    })

    it('putIfAbsent has one winner among many', async () => {
      for (let round = 0; round < 10; round++) {
        const outcomes = await Promise.all(
          Array.from({ length: 8 }, (_, i) => store.putIfAbsent(`race/${round}`, bytesOf(String(i)))),
        )
        const winner = outcomes.findIndex(({ kind }) => kind === 'created')
        expect(outcomes.filter(({ kind }) => kind === 'created')).toHaveLength(1)
        expect(textOf(await store.get(`race/${round}`))).toBe(String(winner))
      }
    })

    it('replaceIfMatch replaces only what it was told, with one winner', async () => {
      const { etag } = await store.put('guarded', bytesOf('0'))
      const outcomes = await Promise.all(
        Array.from({ length: 6 }, (_, i) => store.replaceIfMatch('guarded', bytesOf(String(i + 1)), etag)),
      )
      expect(outcomes.filter(Boolean)).toHaveLength(1)
      expect(await store.replaceIfMatch('guarded', bytesOf('x'), etag)).toBeUndefined()
      expect(await store.replaceIfMatch('gone', bytesOf('x'), etag)).toBeUndefined()
    })

    it('a listing is in order of bytes, after a key, up to a limit', async () => {
      const keys = [
        'list/a',
        'list/a-b',
        'list/a.b',
        'list/a0',
        'list/b/c',
        'list/b/d',
        'list/b0',
        'list/é',
        'list/𝄞',
        'list/z',
      ]
      for (const key of [...keys].reverse()) await store.put(key, bytesOf(key))
      const sorted = [...keys].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)))
      expect((await allOf(store.list('list/'))).map(({ key }) => key)).toEqual(sorted)
      expect((await allOf(store.list('list/', { start_after: 'list/a0', limit: 2 }))).map(({ key }) => key)).toEqual([
        'list/b/c',
        'list/b/d',
      ])
      expect((await allOf(store.list('list/b/', { start_after: 'list/b/c' }))).map(({ key }) => key)).toEqual([
        'list/b/d',
      ])
      expect((await allOf(store.list('list/a'))).map(({ key }) => key)).toEqual([
        'list/a',
        'list/a-b',
        'list/a.b',
        'list/a0',
      ])
      expect((await allOf(store.list('list/b/'))).map(({ size }) => size)).toEqual([8, 8])
      expect(await allOf(store.list('no/such'))).toEqual([])
    })

    it('keys of any characters come back as they went in', async () => {
      const keys = [
        'odd/a b',
        'odd/%41',
        'odd/#?&=+',
        'odd/\'"\\',
        'odd/\n\t',
        'odd/ünï',
        'odd/:*<>|',
        'odd/CON',
        'odd/…',
        'odd/%unfinished',
      ]
      for (const key of keys) await store.put(key, bytesOf(key))
      expect((await allOf(store.list('odd/'))).map(({ key }) => key).sort()).toEqual([...keys].sort())
      for (const key of keys) expect(textOf(await store.get(key))).toBe(key)
    })

    it('keys that could leave the store are refused', async () => {
      for (const key of ['', '/', '/a', 'a//b', 'a/', '../a', 'a/../b', 'a/./b', 'a\0b', 'x'.repeat(1025), '\ud800']) {
        await expect(store.put(key, bytesOf('x'))).rejects.toMatchObject({ code: 'invalid_key' })
      }
    })

    it('a stream becomes an object when it has arrived, and nothing when it breaks', async () => {
      const chunk = new Uint8Array(300_000).fill(7)
      const whole = await store.write(
        'streamed',
        (async function* () {
          for (let i = 0; i < 40; i++) yield chunk
        })(),
      )
      expect(whole.size).toBe(12_000_000)
      expect((await store.head('streamed'))?.size).toBe(12_000_000)
      const broken = store.write(
        'broken',
        (async function* () {
          yield chunk
          throw new Error('cut')
        })(),
      )
      await expect(broken).rejects.toThrow('cut')
      expect(await store.head('broken')).toBeUndefined()
    })

    it('a local file becomes an object and is gone', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'put-file-'))
      await writeFile(join(folder, 'f'), 'from a file')
      expect((await store.putFile('deep/er/file', join(folder, 'f'))).size).toBe(11)
      expect(textOf(await store.get('deep/er/file'))).toBe('from a file')
      await expect(writeFile(join(folder, 'f'), '', { flag: 'r+' })).rejects.toThrow('ENOENT')
      await rm(folder, { recursive: true })
    })

    it('a copy and a deletion', async () => {
      await store.put('source', bytesOf('copied'))
      expect(await store.copy('source', 'target')).toBe(true)
      await store.delete(['source'])
      expect(await store.get('source')).toBeUndefined()
      expect(textOf(await store.get('target'))).toBe('copied')
    })
  })
}

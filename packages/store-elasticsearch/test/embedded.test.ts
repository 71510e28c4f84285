import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStore } from '../src/embedded.ts'
import { behaviourOfSearchStore, first } from './search-behaviour.ts'
import { movies, postRow, posts } from './search-tables.ts'

behaviourOfSearchStore({
  name: 'elasticsearch, embedded',
  document_limit_bytes: 64 * 1024 * 1024,
  async open() {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-search-'))
    const store = await openStore({ folder })
    return {
      store,
      async end() {
        await store.close()
        rmSync(folder, { recursive: true })
      },
    }
  },
})

test('after close and open everything is there; after forget nothing is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-search-'))
  const found = async (text: string) => (await store.ask('posts-about', { text }, 100)).rows.map((row) => row.post_id)
  let store = await openStore({ folder })
  await store.prepare([movies, posts])
  await store.apply(first('posts', [postRow('p1', 'one')]))
  await store.close()
  store = await openStore({ folder })
  expect(await found('one')).toEqual(['p1'])
  await store.forget('posts')
  expect([await found('one'), await store.progress()]).toEqual([[], {}])
  expect((await store.apply(first('posts', [postRow('p1', 'one')]))).kind).toBe('applied')
  await store.close()
  rmSync(folder, { recursive: true })
})

test('a damaged file is told as corrupt', async () => {
  const other = mkdtempSync(join(tmpdir(), 'sluice-search-'))
  writeFileSync(join(other, 'search.sqlite'), 'this is no database, '.repeat(100))
  await expect(openStore({ folder: other })).rejects.toMatchObject({ code: 'corrupt' })
  rmSync(other, { recursive: true })
})

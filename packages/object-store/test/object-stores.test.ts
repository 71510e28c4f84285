import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openFolderStore } from '../src/index.ts'
import { openMemoryStore } from '../src/memory-store.ts'
import { contractOfObjectStore } from './contract.ts'

contractOfObjectStore('a store in memory', async () => {
  const store = openMemoryStore()
  return { store, end: () => store.close() }
})

contractOfObjectStore('a folder', async () => {
  const path = await mkdtemp(join(tmpdir(), 'folder-store-'))
  return { store: await openFolderStore(path), end: () => rm(path, { recursive: true }) }
})

it('what killed processes left in a folder is dropped once it is old, and nothing else', async () => {
  const path = await mkdtemp(join(tmpdir(), 'folder-store-'))
  try {
    const store = await openFolderStore(path)
    const { etag } = await store.put('kept', new Uint8Array(1))
    // Makes the lock, which is as old as the folder.
    await store.replaceIfMatch('kept', new Uint8Array(2), etag)
    const unfinished = join(path, '%unfinished')
    for (const name of ['old', 'young']) await writeFile(join(unfinished, name), 'half')
    const before_ms = Date.now() - 3_600_000
    for (const name of await readdir(unfinished))
      if (name !== 'young') await utimes(join(unfinished, name), before_ms / 1000 - 1, before_ms / 1000 - 1)
    expect(await store.dropUnfinished?.(before_ms, [''])).toBe(1)
    expect((await readdir(unfinished)).sort()).toEqual(['lock.sqlite', 'young'])
    expect((await store.get('kept'))?.length).toBe(2)
  } finally {
    await rm(path, { recursive: true })
  }
})

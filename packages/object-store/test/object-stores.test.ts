import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

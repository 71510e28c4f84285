import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contractOfStore } from '@sluice/store/contract'
import { openStore } from '../src/embedded.ts'
import { inventoryQuery, questions } from '../src/index.ts'

contractOfStore({
  name: 'elasticsearch, embedded',
  tables: ['movies', 'posts', 'comments'],
  inventoryQuery,
  questions,
  async open() {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-search-'))
    let store = await openStore({ folder })
    return {
      store,
      async reopen() {
        await store.close()
        store = await openStore({ folder })
        return store
      },
      async end() {
        await store.close()
        rmSync(folder, { recursive: true })
      },
    }
  },
})

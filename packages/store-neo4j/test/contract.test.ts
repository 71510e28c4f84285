import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contractOfStore } from '@sluice/store/contract'
import { openStore } from '../src/embedded.ts'
import { inventoryQuery, questions } from '../src/index.ts'

contractOfStore({
  name: 'neo4j, embedded',
  tables: ['movies', 'viewing_history', 'recommendations'],
  inventoryQuery,
  questions,
  async open() {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-graph-'))
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

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadEventTypes } from '@sluice/events'
import { routedTables } from '@sluice/store'
import { contractOfStore } from '@sluice/store/contract'
import { openStore } from '../src/embedded.ts'
import { inventoryQuery, questions } from '../src/index.ts'

contractOfStore({
  name: 'postgres, embedded (PGlite)',
  inventoryQuery,
  questions,
  tables: routedTables(await loadEventTypes({}), 'postgres').map(({ table }) => table),
  async open() {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-postgres-'))
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

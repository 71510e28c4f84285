import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contractOfStore } from '@sluice/store/contract'
import { openStore } from '../src/embedded.ts'
import { inventoryQuery, questions } from '../src/index.ts'

contractOfStore({
  name: 'embedded time series',
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-series-'))
    let store = await openStore({ folder })
    return {
      store,
      reopen: async () => {
        await store.close()
        store = await openStore({ folder })
        return store
      },
      end: async () => {
        await store.close()
        rmSync(folder, { recursive: true })
      },
    }
  },
  inventoryQuery,
  questions,
  tables: ['streaming_quality'],
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../src/embedded.ts'
import { behaviourOfGraphStore } from './graph-behaviour.ts'

behaviourOfGraphStore({
  name: 'neo4j, embedded',
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

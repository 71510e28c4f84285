import { randomUUID } from 'node:crypto'
import { loadEventTypes } from '@sluice/events'
import { routedTables } from '@sluice/store'
import { contractOfStore } from '@sluice/store/contract'
import { Client } from 'pg'
import { describeServer, postgresEndpoint } from '../../../test/servers/endpoints.ts'
import { inventoryQuery, questions } from '../src/index.ts'
import { openStore } from '../src/server.ts'

const tables = routedTables(await loadEventTypes({}), 'postgres').map(({ table }) => table)

await describeServer('PostgreSQL', postgresEndpoint, ({ url }) => {
  contractOfStore({
    name: 'postgres, on a server',
    inventoryQuery,
    questions,
    tables,
    async open() {
      const schema = `contract_${randomUUID().slice(0, 8)}`
      let store = await openStore({ url, schema })
      return {
        store,
        async reopen() {
          await store.close()
          store = await openStore({ url, schema })
          return store
        },
        async end() {
          await store.close()
          const client = new Client({ connectionString: url })
          await client.connect()
          await client.query(`DROP SCHEMA ${schema} CASCADE`)
          await client.end()
        },
      }
    },
  })
})

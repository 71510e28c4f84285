import { randomUUID } from 'node:crypto'
import { contractOfStore } from '@sluice/store/contract'
import { describeServer, elasticsearchEndpoint } from '../../../test/servers/endpoints.ts'
import { inventoryQuery, questions } from '../src/index.ts'
import { openStore } from '../src/server.ts'
import { dropAll } from './drop-all.ts'

await describeServer('Elasticsearch', elasticsearchEndpoint, ({ url }) => {
  contractOfStore({
    name: 'elasticsearch, on a server',
    tables: ['movies', 'posts', 'comments'],
    inventoryQuery,
    questions,
    async open() {
      const prefix = `contract-${randomUUID().slice(0, 8)}`
      let store = await openStore({ url, prefix })
      return {
        store,
        async reopen() {
          await store.close()
          store = await openStore({ url, prefix })
          return store
        },
        async end() {
          await store.close()
          await dropAll(url, prefix)
        },
      }
    },
  })
})

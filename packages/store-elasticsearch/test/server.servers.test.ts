import { randomUUID } from 'node:crypto'
import { describeServer, elasticsearchEndpoint } from '../../../test/servers/endpoints.ts'
import { openStore } from '../src/server.ts'
import { dropAll } from './drop-all.ts'
import { behaviourOfSearchStore } from './search-behaviour.ts'

await describeServer('Elasticsearch', elasticsearchEndpoint, ({ url }) => {
  behaviourOfSearchStore({
    name: 'elasticsearch, on a server',
    document_limit_bytes: 16 * 1024 * 1024,
    async open() {
      const prefix = `search-${randomUUID().slice(0, 8)}`
      const store = await openStore({ url, prefix })
      return {
        store,
        async end() {
          await store.close()
          await dropAll(url, prefix)
        },
      }
    },
  })
})

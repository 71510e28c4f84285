import { contractOfStore } from '@sluice/store/contract'
import { describeServer, neo4jEndpoint } from '../../../test/servers/endpoints.ts'
import { inventoryQuery, questions } from '../src/index.ts'
import { openStore } from '../src/server.ts'
import { emptyGraph } from './empty-graph.ts'

await describeServer('Neo4j', neo4jEndpoint, ({ url, user: username, password }) => {
  const server = { url, username, password }
  contractOfStore({
    name: 'neo4j, on a server',
    tables: ['movies', 'viewing_history', 'recommendations'],
    inventoryQuery,
    questions,
    async open() {
      await emptyGraph(server)
      let store = await openStore(server)
      return {
        store,
        async reopen() {
          await store.close()
          store = await openStore(server)
          return store
        },
        end: () => store.close(),
      }
    },
  })
})

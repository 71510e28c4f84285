import { describeServer, neo4jEndpoint } from '../../../test/servers/endpoints.ts'
import { openStore } from '../src/server.ts'
import { emptyGraph } from './empty-graph.ts'
import { behaviourOfGraphStore } from './graph-behaviour.ts'

await describeServer('Neo4j', neo4jEndpoint, ({ url, user: username, password }) => {
  const server = { url, username, password }
  behaviourOfGraphStore({
    name: 'neo4j, on a server',
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

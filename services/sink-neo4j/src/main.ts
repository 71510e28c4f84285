import { flowSettings, neo4jSettings, sinkService } from '@sluice/server-parts'
import { openStore } from '@sluice/store-neo4j/server'

await sinkService(
  {
    store: 'neo4j',
    title: 'Sluice sink: keeps Neo4j equal to the tables.',
    settings: flowSettings.extend(neo4jSettings),
    open: ({ neo4j_url, neo4j_username, neo4j_password }) =>
      openStore({ url: neo4j_url, username: neo4j_username, password: neo4j_password }),
  },
  process.argv.slice(2),
  process.env,
)

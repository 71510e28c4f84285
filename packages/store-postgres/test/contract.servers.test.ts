import { contractOfStore } from '@sluice/store/contract'
import { describeServer, postgresEndpoint } from '../../../test/servers/endpoints.ts'
import { inventoryQuery, questions } from '../src/index.ts'
import { serverUnderTest } from './server-schema.ts'
import { behaviourOfSqlStore } from './sql-store-behaviour.ts'
import { allTables } from './sql-tables.ts'

await describeServer('PostgreSQL', postgresEndpoint, ({ url }) => {
  contractOfStore({
    name: 'postgres, on a server',
    inventoryQuery,
    questions,
    tables: allTables.map(({ table }) => table),
    open: () => serverUnderTest(url),
  })
  behaviourOfSqlStore('the SQL store, on a server', () => serverUnderTest(url))
})

import { contractOfStore } from '@sluice/store/contract'
import { inventoryQuery, questions } from '../src/index.ts'
import { embeddedUnderTest } from './embedded-folder.ts'
import { allTables } from './sql-tables.ts'

contractOfStore({
  name: 'postgres, embedded (PGlite)',
  inventoryQuery,
  questions,
  tables: allTables.map(({ table }) => table),
  open: embeddedUnderTest,
})

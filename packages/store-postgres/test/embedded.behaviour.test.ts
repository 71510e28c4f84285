import { embeddedUnderTest } from './embedded-folder.ts'
import { behaviourOfSqlStore } from './sql-store-behaviour.ts'

behaviourOfSqlStore('the SQL store, embedded (PGlite)', embeddedUnderTest)

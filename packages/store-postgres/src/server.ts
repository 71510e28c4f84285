import { type Store, StoreError } from '@sluice/store'
import { PostgresStore } from './postgres-store.ts'
import { checkServer } from './server/check-server.ts'
import { PgDatabase } from './server/pg-database.ts'
import { storeErrorOf } from './sql-error.ts'

export interface SqlServerOptions {
  /** `postgres://user:password@host:port/database`; the user may create a schema in the database, or owns it. */
  url: string
  /** Where the tables lie. Made if missing. Default: `sluice` */
  schema?: string
  /** Most connections at a time: one writes, the others answer. Default: 4 */
  max_connections?: number
}

/**
 * Opens the SQL store on a PostgreSQL server.
 * Errors: `unreachable` (retryable), `access_denied`, `too_old`, `failed` (a database that is missing or not in UTF-8).
 */
export async function openStore(options: SqlServerOptions): Promise<Store> {
  const { url, schema = 'sluice', max_connections = 4 } = options
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol))
    throw new StoreError('failed', 'expected a url like postgres://user:password@host:5432/database; another text came')
  const database = new PgDatabase({ url, schema, max_connections })
  try {
    await checkServer(database)
  } catch (error) {
    await database.close()
    throw storeErrorOf(error)
  }
  return PostgresStore.open(database, schema)
}

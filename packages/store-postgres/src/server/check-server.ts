import { StoreError } from '@sluice/store'
import type { SqlDatabase } from '../sql-database.ts'

/** The oldest major version that the store is kept working with. */
const OLDEST_VERSION = 14

/** @throws StoreError `too_old`, or `failed` for a database that is not in UTF-8 */
export async function checkServer(database: Pick<SqlDatabase, 'query'>): Promise<void> {
  const [row] = await database.query(
    `SELECT current_setting('server_version_num')::integer / 10000, current_setting('server_version'),
       current_setting('server_encoding')`,
  )
  const [major, version, encoding] = row ?? []
  if (Number(major) < OLDEST_VERSION)
    throw new StoreError('too_old', `expected PostgreSQL ${OLDEST_VERSION} or newer; the server is ${version}`)
  if (encoding !== 'UTF8')
    throw new StoreError(
      'failed',
      `expected a database in UTF8; this one is in ${encoding}: create one WITH ENCODING 'UTF8' TEMPLATE template0`,
    )
}

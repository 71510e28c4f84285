import { type Store, StoreError } from '@sluice/store'
import neo4j, { type Driver } from 'neo4j-driver'
import { GraphStore } from './graph-store.ts'
import { GraphDatabase } from './server/graph-database.ts'
import { storeErrorOf } from './server/graph-error.ts'
import { Neo4jEngine } from './server/neo4j-engine.ts'
import { checkVersion } from './server/server-version.ts'

const CONNECT_LIMIT_MS = 10_000
/** Deadlocks and changes of leader are tried again for so long before the runner takes over. */
const RETRY_LIMIT_MS = 5_000

export interface GraphServerOptions {
  /** `bolt://host:7687` for one server, `neo4j://host:7687` for a cluster; `+s` after the scheme for TLS. */
  url: string
  username: string
  password: string
  /** Default: the user's home database */
  database?: string
}

/**
 * Opens the graph store on a Neo4j server.
 * Errors: `unreachable` (retryable), `access_denied`, `too_old`, `failed` (no such database, a url of another kind).
 */
export async function openStore(options: GraphServerOptions): Promise<Store> {
  const driver = driverOf(options)
  const database = new GraphDatabase(driver, options.database)
  try {
    const { agent = '' } = await driver.getServerInfo({ database: options.database })
    checkVersion(agent)
    await database.read('RETURN 1 AS one')
  } catch (error) {
    await driver.close()
    throw storeErrorOf(error)
  }
  return new GraphStore(new Neo4jEngine(database))
}

function driverOf({ url, username, password }: GraphServerOptions): Driver {
  if (!/^(bolt|neo4j)(\+s|\+ssc)?:\/\/[^@]+$/.test(url))
    throw new StoreError('failed', 'expected a url like bolt://host:7687, without credentials; another text came')
  return neo4j.driver(url, neo4j.auth.basic(username, password), {
    disableLosslessIntegers: true,
    connectionTimeout: CONNECT_LIMIT_MS,
    connectionAcquisitionTimeout: CONNECT_LIMIT_MS,
    maxTransactionRetryTime: RETRY_LIMIT_MS,
    userAgent: 'sluice',
  })
}

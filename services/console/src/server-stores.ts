import type { ObjectStore } from '@sluice/object-store'
import {
  elasticsearchSettings,
  firstLook,
  influxdbSettings,
  neo4jSettings,
  postgresSettings,
  type ServerParts,
  serverSettings,
} from '@sluice/server-parts'
import { type Logger, setting } from '@sluice/service'
import {
  changeSinkWish,
  type InventoryQuery,
  lateStore,
  type Question,
  REBUILDING,
  readSinkWish,
  routedTables,
  type Store,
  type StoreName,
} from '@sluice/store'
import * as elasticsearch from '@sluice/store-elasticsearch'
import { openStore as openElasticsearch } from '@sluice/store-elasticsearch/server'
import * as influxdb from '@sluice/store-influxdb'
import { openStore as openInfluxdb } from '@sluice/store-influxdb/server'
import * as neo4j from '@sluice/store-neo4j'
import { openStore as openNeo4j } from '@sluice/store-neo4j/server'
import * as postgres from '@sluice/store-postgres'
import { openStore as openPostgres } from '@sluice/store-postgres/server'
import type { z } from 'zod'
import type { ConsoleParts } from './console-parts.ts'
import type { SinkControl } from './console-store.ts'

export const consoleSettings = serverSettings.extend({
  ...postgresSettings,
  ...influxdbSettings,
  ...elasticsearchSettings,
  ...neo4jSettings,
  ingest_url: setting.text('http://127.0.0.1:8080').describe('ingest, whose paths are passed on'),
  console_memory_limit_mb: setting.int(512, { min: 64 }).describe("DuckDB's memory for questions and verify, in MB"),
  sql_memory_limit_mb: setting
    .int(512, { min: 64 })
    .describe("DuckDB's memory for an SQL statement, two at a time, in MB"),
})

/** How much of it DuckDB takes: for our own queries, and for each of the statements that run at a time. */
export const consoleMemory = (settings: z.infer<typeof consoleSettings>) => ({
  memory_limit_bytes: settings.console_memory_limit_mb * 1024 ** 2,
  limits: { memory_limit_bytes: settings.sql_memory_limit_mb * 1024 ** 2 },
})

export type ConsoleSettings = z.infer<typeof consoleSettings>

interface Kind {
  inventoryQuery: InventoryQuery
  questions: readonly Question[]
}

/** The databases as the console asks them; one that is away holds up only its own questions. */
export function serverStores(
  settings: ConsoleSettings,
  { eventTypes: types, objectStore }: Pick<ServerParts, 'eventTypes' | 'objectStore'>,
): ConsoleParts['stores'] {
  const of = (name: StoreName, { inventoryQuery, questions }: Kind, open: () => Promise<Store>) => {
    // Never prepared here: that is the sink's, and with other event types than the sink's it would empty tables.
    const store = lateStore(name, open)
    const tables = routedTables(types, name)
    return { name, store, tables, inventoryQuery, questions, runner: controlOf(objectStore, name) }
  }
  return [
    of('postgres', postgres, () => openPostgres({ url: settings.postgres_url })),
    of('influxdb', influxdb, () =>
      openInfluxdb({
        url: settings.influxdb_url,
        token: settings.influxdb_token,
        org: settings.influxdb_org,
        bucket: settings.influxdb_bucket,
      }),
    ),
    of('elasticsearch', elasticsearch, () =>
      openElasticsearch({
        url: settings.elasticsearch_url,
        username: settings.elasticsearch_username,
        password: settings.elasticsearch_password,
        api_key: settings.elasticsearch_api_key,
      }),
    ),
    of('neo4j', neo4j, () =>
      openNeo4j({ url: settings.neo4j_url, username: settings.neo4j_username, password: settings.neo4j_password }),
    ),
  ]
}

/** Says at start, until it is closed, which stores refuse this console: each of them holds up only its own questions. */
export function tellRefusals(stores: ConsoleParts['stores'], logger: Logger): { close(): Promise<void> } {
  let closed = false
  for (const { name, store } of stores)
    void firstLook(() => store.progress(), `SLUICE_${name.toUpperCase()}_*`, { logger }).catch((error: unknown) => {
      if (!closed) logger.error(`${error instanceof Error ? error.message : error}; its questions cannot be answered`)
    })
  return {
    async close() {
      closed = true
    },
  }
}

/** The sink runs elsewhere: what is wanted of it is written down where its processes look. */
function controlOf(objectStore: ObjectStore, name: StoreName): SinkControl {
  return {
    async status() {
      const { paused, rebuilds, rebuilt } = await readSinkWish(objectStore, name)
      return { state: paused ? 'paused' : rebuilds > rebuilt ? REBUILDING : 'running' }
    },
    async pause() {
      await changeSinkWish(objectStore, name, (wanted) => ({ ...wanted, paused: true }))
    },
    async resume() {
      await changeSinkWish(objectStore, name, (wanted) => ({ ...wanted, paused: false }))
    },
    async rebuild() {
      await changeSinkWish(objectStore, name, (wanted) => ({ ...wanted, rebuilds: wanted.rebuilds + 1 }))
    },
  }
}

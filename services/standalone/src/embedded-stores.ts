import { join } from 'node:path'
import type { ConsoleParts } from '@sluice/console'
import type { Notices } from '@sluice/event-log'
import type { Lake } from '@sluice/lake'
import type { ObjectStore } from '@sluice/object-store'
import { sinkEvents } from '@sluice/server-parts/sink-events'
import { sinkGauges } from '@sluice/server-parts/sink-gauges'
import type { Logger, Metrics } from '@sluice/service'
import {
  hostStore,
  type InventoryQuery,
  type Question,
  routedTables,
  type StoreName,
  sinkControl,
  startSink,
} from '@sluice/store'
import * as elasticsearch from '@sluice/store-elasticsearch'
import * as influxdb from '@sluice/store-influxdb'
import * as neo4j from '@sluice/store-neo4j'
import * as postgres from '@sluice/store-postgres'

export interface EmbeddedStoresParts {
  folder: string
  objectStore: ObjectStore
  lake: Lake
  notices: Notices
  logger: Logger
  metrics: Metrics
  /** See `SinkLimits`. */
  every_ms: number
  now: () => number
}

export interface EmbeddedStores {
  forConsole: ConsoleParts['stores']
  /** Names of the stores that get a table. */
  storesOf(table: string): string[]
  stop(): Promise<void>
}

const KINDS: Readonly<Record<StoreName, { inventoryQuery: InventoryQuery; questions: readonly Question[] }>> = {
  postgres,
  influxdb,
  elasticsearch,
  neo4j,
}
const STORE_MEMORY_MB = 512

/** The four stores, each in a process of its own, and the sinks that keep them equal to the tables. */
export async function startEmbeddedStores(parts: EmbeddedStoresParts): Promise<EmbeddedStores> {
  const { folder, objectStore, lake, notices, logger, now } = parts
  const events = sinkEvents(parts.metrics, logger, now)
  const start = async (name: StoreName) => {
    const store = hostStore({
      name,
      module: import.meta.resolve(`@sluice/store-${name}/embedded`),
      folder: join(folder, name),
      memory_limit_mb: STORE_MEMORY_MB,
      warn: (message, details) => logger.warn(details, message),
      now,
    })
    const sink = await startSink({
      store,
      lake,
      notices,
      events: events(name, routedTables(lake.types, name)),
      limits: { every_ms: parts.every_ms },
      objects: objectStore,
      now,
    })
    return { name, store, sink, ...KINDS[name] }
  }
  const started = await Promise.all(STORE_NAMES.map(start))
  sinkGauges(parts.metrics, new Map(started.map(({ name, sink }) => [name, sink.runner])), now)
  return {
    forConsole: started.map(({ name, store, sink, inventoryQuery, questions }) => ({
      name,
      store,
      tables: sink.tables,
      inventoryQuery,
      questions,
      runner: sinkControl(objectStore, name, sink.runner),
    })),
    storesOf: (table) =>
      started.flatMap(({ name, sink }) => (sink.tables.some((stored) => stored.table === table) ? [name] : [])),
    async stop() {
      await Promise.all(started.map(({ sink }) => sink.stop()))
      await Promise.all(started.map(({ store }) => store.close()))
    },
  }
}

const STORE_NAMES: readonly StoreName[] = ['postgres', 'influxdb', 'elasticsearch', 'neo4j']

import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createConsole, lakeReader } from '@sluice/console'
import { localNotices } from '@sluice/event-log'
import { EVENTS_TOPIC, loadEventTypes } from '@sluice/events'
import { createIngest, type Ingest, ingestPrometheus, noticedOutcomes } from '@sluice/ingest'
import { Lake, openDatabase } from '@sluice/lake'
import { openFolderStore } from '@sluice/object-store'
import { openSegmentRawZone } from '@sluice/raw-zone'
import { assertSafeBinding, authorizer, createApp, parseApiKeys, type ServiceParts, serve } from '@sluice/service'
import { sinkEvery } from '@sluice/store'
import { startTransformer } from '@sluice/transformer'
import type { Config } from './config.ts'
import { lockData } from './data-lock.ts'
import { startEmbeddedStores } from './embedded-stores.ts'
import { openLog } from './open-log.ts'

const VERSION = '0.1.0'
const CONSOLE_MEMORY_BYTES = 512 * 1024 ** 2

/**
 * All of Sluice in one process, on embedded parts, with its data in one folder. Parts are opened in the order of the
 * flow and closed in the other direction.
 * @returns where it answers
 */
export async function startStandalone(
  config: Config,
  { logger, metrics, closers }: ServiceParts,
): Promise<{ url: string }> {
  const keys = parseApiKeys(config.api_keys)
  assertSafeBinding({ host: config.host, keys, open: config.open })
  const data = resolve(config.data)
  await closers.open(
    'lock',
    () => lockData(data),
    async (lock) => lock.release(),
  )
  const now = Date.now
  const scratch = await emptyFolder(join(data, 'scratch'))
  const eventTypes = await loadEventTypes({ folder: config.event_types })

  const objectStore = await closers.open('object store', () => openFolderStore(join(data, 'objects')))
  const rawZone = await closers.open('raw zone', () => openSegmentRawZone({ path: join(data, 'raw') }))
  const notices = localNotices()
  const database = await closers.open('database', () =>
    openDatabase({
      memory_limit_bytes: config.memory_limit_mb * 1024 ** 2,
      temporary_path: join(scratch, 'duckdb'),
    }),
  )
  const lake = await Lake.open({ store: objectStore, database, scratch_path: scratch, now }, eventTypes)
  const { log, epoch, partitions } = await closers.open(
    'event log',
    () =>
      openLog({
        folder: join(data, 'log'),
        partitions: config.partitions,
        rawZone,
        lake,
        eventTypes,
        logger,
        now,
      }),
    (opened) => opened.log.close(),
  )
  const stores = await closers.open('stores', () =>
    startEmbeddedStores({
      folder: join(data, 'stores'),
      objectStore,
      lake,
      notices,
      logger,
      metrics,
      every_ms: sinkEvery(config.freshness_ms),
      now,
    }),
  )
  await closers.open('transformer', () =>
    startTransformer({
      lake,
      log,
      topic: EVENTS_TOPIC,
      log_epoch: epoch,
      notices,
      logger,
      metrics,
      limits: { freshness_ms: config.freshness_ms },
      truncates_log: true,
      now,
    }),
  )
  const authorize = authorizer(keys)
  const outcomes = noticedOutcomes(notices, stores.storesOf)
  const ingest: Ingest = createIngest({
    metrics: ingestPrometheus(metrics, () => ingest.status()),
    rawZone,
    objectStore,
    log,
    eventTypes,
    partitions,
    authorize,
    scratch_folder: join(scratch, 'uploads'),
    logger,
    outcomes,
    sole_process: true,
  })
  const console = await closers.open('console', async () =>
    createConsole({
      lake: await lakeReader(lake, { log_epoch: epoch, now }),
      rawZone,
      flow: {
        async unpublished() {
          const { queue, acknowledged } = ingest.status()
          const others = (await rawZone.unfinished()).filter(
            ({ incarnation }) => incarnation !== acknowledged.incarnation,
          )
          return queue.unpublished_batches + others.length
        },
        logEnds: () => log.offsets(EVENTS_TOPIC),
      },
      stores: stores.forConsole,
      eventTypes,
      authorize,
      scratch_path: join(scratch, 'console'),
      memory_limit_bytes: CONSOLE_MEMORY_BYTES,
      now,
    }),
  )
  await closers.open(
    'ingest',
    () => ingest.start(),
    () => ingest.stop(),
  )
  const app = await createApp({ logger, metrics, version: VERSION })
  await ingest.routes(app)
  await console.routes(app)
  return { url: await serve(app, config, closers) }
}

/** What an earlier life left there is of no use to anybody. */
async function emptyFolder(path: string): Promise<string> {
  await rm(path, { recursive: true, force: true })
  await mkdir(path, { recursive: true })
  return path
}

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type EventLog, LogError, type Notices } from '@sluice/event-log'
import { kafkaNotices, openKafkaLog } from '@sluice/event-log/kafka'
import { EVENTS_TOPIC, type EventTypes, loadEventTypes } from '@sluice/events'
import { Lake, openDatabase } from '@sluice/lake'
import type { ObjectStore } from '@sluice/object-store'
import { openS3Store } from '@sluice/object-store/s3'
import type { RawZone } from '@sluice/raw-zone'
import { openObjectRawZone } from '@sluice/raw-zone/objects'
import { assertSafeBinding, backgroundLoop, faultFields, parseApiKeys, type ServiceParts } from '@sluice/service'
import { kafkaOptions, s3Options } from './client-options.ts'
import { lateLog } from './late-log.ts'
import { LogLife } from './log-life.ts'
import { packingFailed } from './packing-failed.ts'
import type { ServerSettings } from './settings.ts'
import { firstLook, toldWith } from './told-at-start.ts'

/** What every process on servers begins with. */
export interface ServerParts {
  objectStore: ObjectStore
  /** Opened when it is first needed: brokers that are away hold up nothing else. */
  log: EventLog
  life: LogLife
  log_epoch: string
  notices: Notices
  eventTypes: EventTypes
  /** Folder of this process alone, empty at start. */
  scratch: string
}

/** How often a process asks whether the event log is still the one it began with. */
const LIFE_EVERY_MS = 5_000
const SEND_KAFKA_LIMITS = { linger_ms: 5 }

export interface OpenLimits {
  /**
   * A call of the object store that fails for a passing reason is tried again for this long. Where clients wait for it,
   * it is soon enough for their 503. Default: see the store.
   */
  retry_for_ms?: number
}

/** Opens the object store, the log and the event types, to be closed with the process. Throws errors with a code and one clear line. */
export async function openServerParts(
  settings: ServerSettings,
  name: string,
  { logger, closers }: ServiceParts,
  limits: OpenLimits = {},
): Promise<ServerParts> {
  assertSafeBinding({ host: settings.host, keys: parseApiKeys(settings.api_keys), open: settings.open })
  const kafka = kafkaOptions(settings, name)
  const s3 = s3Options(settings)
  const eventTypes = await loadEventTypes({ folder: settings.event_types })
  const scratch = join(settings.scratch, name)
  await rm(scratch, { recursive: true, force: true })
  await mkdir(scratch, { recursive: true })
  const objectStore = await closers.open('object store', () =>
    openS3Store({
      ...s3,
      ...limits,
      cache: { path: join(scratch, 'objects'), limit_bytes: settings.cache_limit_mb * 1024 ** 2 },
    }).catch((error: unknown) => Promise.reject(toldWith('SLUICE_S3_*', error))),
  )
  const life = await LogLife.open(objectStore)
  const { epoch } = life
  await closers.open('log life', () =>
    backgroundLoop(
      async () => {
        if (await life.current()) return undefined
        logger.warn({ epoch }, 'the event log has begun another life; this process ends, to be started again')
        process.kill(process.pid, 'SIGTERM')
        return undefined
      },
      { name: 'log life', log: logger, pause_ms: LIFE_EVERY_MS },
    ),
  )
  const log = await closers.open('event log', () =>
    lateLog(() => openKafkaLog({ ...kafka, epoch, logger, limits: SEND_KAFKA_LIMITS })),
  )
  await firstLook(() => log.offsets(EVENTS_TOPIC).catch(unlessNew), 'SLUICE_KAFKA_*', { logger })
  const notices = await closers.open('notices', () =>
    kafkaNotices({
      log,
      failed: (error) =>
        logger.warn(faultFields(error), 'notices cannot be sent or read; until they can, readers look by themselves'),
    }),
  )
  return { objectStore, log, life, log_epoch: epoch, notices, eventTypes, scratch }
}

/** The topic is made by whoever needs it first. */
function unlessNew(error: unknown): void {
  if (!(error instanceof LogError) || error.code !== 'unknown_topic') throw error
}

export function openServerRawZone(
  { objectStore, scratch, log_epoch }: ServerParts,
  service: ServiceParts,
): Promise<RawZone> {
  const packing_failed = packingFailed(service)
  return service.closers.open('raw zone', () =>
    openObjectRawZone({ store: objectStore, log: log_epoch, local_path: join(scratch, 'raw'), packing_failed }),
  )
}

/** The lake's tables, with a DuckDB of their own; missing tables are created. */
export async function openServerLake(
  { objectStore, scratch, eventTypes }: ServerParts,
  { memory_limit_mb }: Pick<ServerSettings, 'memory_limit_mb'>,
  { closers }: ServiceParts,
): Promise<Lake> {
  const database = await closers.open('database', () =>
    openDatabase({
      memory_limit_bytes: memory_limit_mb * 1024 ** 2,
      temporary_path: join(scratch, 'duckdb'),
    }),
  )
  const scratch_path = join(scratch, 'files')
  await mkdir(scratch_path, { recursive: true })
  return Lake.open({ store: objectStore, database, scratch_path, now: Date.now }, eventTypes)
}

import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type EventLog, LogError } from '@sluice/event-log'
import { openEmbeddedLog } from '@sluice/event-log/embedded/embedded-log'
import { EVENTS_TOPIC, type EventTypes } from '@sluice/events'
import { refillLog } from '@sluice/ingest'
import type { Lake } from '@sluice/lake'
import type { RawZone } from '@sluice/raw-zone'
import type { Logger } from '@sluice/service'
import { logEpoch } from './log-epoch.ts'
import { lostRecords } from './lost-records.ts'

export interface OpenLogParts {
  folder: string
  /** At least so many. */
  partitions: number
  rawZone: RawZone
  lake: Lake
  eventTypes: EventTypes
  logger: Logger
  now: () => number
}

export interface OpenedLog {
  log: EventLog
  epoch: string
  partitions: number
}

/**
 * Opens the event log. One that is damaged, or has lost what it had taken, is set aside; a new one is filled from the raw
 * zone, where everything is.
 */
export async function openLog(parts: OpenLogParts): Promise<OpenedLog> {
  const { folder, rawZone, eventTypes, logger } = parts
  await mkdir(folder, { recursive: true })
  let log = await intactLog(parts)
  if (!log) {
    const aside = `${folder}.damaged-${parts.now()}`
    await rename(folder, aside)
    await mkdir(folder)
    logger.warn({ set_aside: aside }, 'the event log was set aside; a new one is filled from the raw zone')
    log = await openEmbeddedLog({ path: join(folder, 'topics') })
  }
  let half_filled = false
  try {
    await log.ensureTopic(EVENTS_TOPIC, { partitions: parts.partitions })
    const partitions = (await log.offsets(EVENTS_TOPIC)).length
    const epoch = await logEpoch(folder)
    if (epoch.fresh) {
      half_filled = true
      const { batches: refilled } = await refillLog({ rawZone, log, eventTypes, partitions })
      if (refilled > 0) logger.warn({ batches: refilled }, 'the event log was new and was filled from the raw zone')
      await epoch.keep()
      half_filled = false
    }
    return { log, epoch: epoch.epoch, partitions }
  } catch (error) {
    await log.close()
    // The next start fills it from the beginning: it would grow with each.
    if (half_filled) await rm(join(folder, 'topics'), { recursive: true })
    throw error
  }
}

/** `undefined` if it cannot be opened as it is, or has lost records. */
async function intactLog({ folder, partitions, rawZone, lake, logger }: OpenLogParts): Promise<EventLog | undefined> {
  let log: EventLog | undefined
  try {
    log = await openEmbeddedLog({ path: join(folder, 'topics') })
    await log.ensureTopic(EVENTS_TOPIC, { partitions })
    const { epoch, fresh } = await logEpoch(folder)
    // A new one has nothing to lose: it is filled from the raw zone.
    const lost = fresh ? undefined : await lostRecords({ log, log_epoch: epoch, lake, rawZone })
    if (lost === undefined) return log
    logger.error({ lost }, 'the event log was cut off or replaced')
  } catch (error) {
    if (!(error instanceof LogError) || error.retryable) throw error
    logger.error({ err: error }, 'the event log cannot be read')
  }
  await log?.close()
  return undefined
}

import { EVENTS_TOPIC } from '@sluice/events'
import type { LogLife } from '@sluice/server-parts'
import type { Logger } from '@sluice/service'
import { type RefillParts, refillLog } from './refill.ts'

export interface NewLifeParts extends RefillParts {
  life: LogLife
  logger: Logger
}

/** Fills a life of the log that has just begun from the raw zone; does nothing for one that was filled. */
export async function fillNewLife(parts: NewLifeParts): Promise<undefined> {
  const { life, logger, log, partitions } = parts
  if (!life.to_refill) return undefined
  await log.ensureTopic(EVENTS_TOPIC, { partitions })
  const { batches, heads } = await refillLog(parts)
  await life.refilled(heads)
  logger.warn({ batches, epoch: life.epoch }, 'the event log was lost and was filled again from the raw zone')
  return undefined
}

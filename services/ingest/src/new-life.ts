import { EVENTS_TOPIC } from '@sluice/events'
import type { LogLife } from '@sluice/server-parts'
import type { Logger } from '@sluice/service'
import { type RefillParts, refillLog } from './refill.ts'

export interface NewLifeParts extends Omit<RefillParts, 'sent'> {
  life: LogLife
  logger: Logger
}

/**
 * Makes what fills a life of the log that has just begun from the raw zone, and does nothing for one that was filled. To
 * be called again until it succeeds: it sends nothing twice meanwhile.
 */
export function newLifeFiller(parts: NewLifeParts): () => Promise<undefined> {
  const { life, logger, log, partitions } = parts
  const sent = new Map<string, number>()
  let epoch = life.epoch
  return async () => {
    if (!life.to_refill) return undefined
    if (epoch !== life.epoch) sent.clear()
    epoch = life.epoch
    await log.ensureTopic(EVENTS_TOPIC, { partitions })
    const { batches, heads } = await refillLog({ ...parts, sent })
    await life.refilled(heads)
    logger.warn({ batches, epoch }, 'the event log was lost and was filled again from the raw zone')
    return undefined
  }
}

import { EVENTS_TOPIC } from '@sluice/events'
import type { LogLife } from '@sluice/server-parts'
import type { Logger } from '@sluice/service'
import { type RefillParts, refillLog, type SentBatches } from './refill.ts'

export interface NewLifeParts extends Omit<RefillParts, 'sent' | 'progressed'> {
  life: LogLife
  logger: Logger
  /** Progress is noted for other processes, and after a restart, this often. */
  note_every_ms?: number
}

/**
 * Makes what fills a life of the log that has just begun from the raw zone, and does nothing for one that was filled. To
 * be called again until it succeeds: it goes on where it came, as does another process that does the same.
 */
export function newLifeFiller(parts: NewLifeParts): () => Promise<undefined> {
  const { life, logger, log, partitions, note_every_ms = 5_000 } = parts
  return async () => {
    if (!life.to_refill) return undefined
    const { epoch } = life
    await log.ensureTopic(EVENTS_TOPIC, { partitions })
    const sent: SentBatches = new Map()
    let noted_ms = Number.NEGATIVE_INFINITY
    const note = async () => {
      await life.refilling(sent)
      noted_ms = performance.now()
    }
    await note()
    try {
      const progressed = async () => {
        if (performance.now() - noted_ms >= note_every_ms) await note()
      }
      const { batches, heads } = await refillLog({ ...parts, sent, progressed })
      await life.refilled(heads)
      logger.warn({ batches, epoch }, 'the event log was lost and was filled again from the raw zone')
    } catch (error) {
      await note()
      throw error
    }
    return undefined
  }
}

import { EVENTS_TOPIC } from '@sluice/events'
import type { LogLife } from '@sluice/server-parts'
import type { Logger } from '@sluice/service'
import { type RefillParts, refillLog, type SentBatches } from './refill.ts'

export interface NewLifeParts extends Pick<RefillParts, 'rawZone' | 'log' | 'eventTypes' | 'partitions'> {
  life: LogLife
  logger: Logger
  /** Progress is noted for other processes, and after a restart, this often. */
  note_every_ms?: number
}

/**
 * Makes what fills a life of the log that has just begun from the raw zone, and does nothing for one that was filled. To
 * be called again until it succeeds: it goes on where it came, as does another process that does the same.
 */
export function newLifeFiller(parts: NewLifeParts): (signal?: AbortSignal) => Promise<undefined> {
  const { life, logger, log, rawZone, partitions, note_every_ms = 5_000 } = parts
  return async (signal) => {
    if (!life.to_refill) return undefined
    const { epoch } = life
    await log.ensureTopic(EVENTS_TOPIC, { partitions })
    // What living incarnations published to this life themselves is there, too.
    const sent: SentBatches = new Map(
      (await rawZone.unfinished()).map(({ incarnation, published }) => [incarnation, published]),
    )
    await life.refilling(sent)
    const filled_by_another = new AbortController()
    const stop = AbortSignal.any([filled_by_another.signal, ...(signal ? [signal] : [])])
    let noted_ms = performance.now()
    const progressed = async () => {
      if (performance.now() - noted_ms < note_every_ms) return
      noted_ms = performance.now()
      await life.refilling(sent)
      if (!life.to_refill) filled_by_another.abort()
    }
    const failed = (incarnation: string, err: unknown) =>
      logger.error({ err, incarnation }, 'a raw incarnation could not be sent to the new log; all others are')
    try {
      const { batches, heads } = await refillLog({ ...parts, sent, progressed, failed, signal: stop })
      const unfinished = await rawZone.unfinished()
      await life.refilled(Object.fromEntries(unfinished.map(({ incarnation: one }) => [one, heads[one] ?? 0])))
      logger.warn({ batches, epoch }, 'the event log was lost and was filled again from the raw zone')
    } catch (error) {
      if (filled_by_another.signal.aborted) return undefined
      await life.refilling(sent).catch((err: unknown) => {
        logger.warn({ err }, 'how far the log was filled again could not be noted; some is sent twice')
      })
      throw error
    }
    return undefined
  }
}

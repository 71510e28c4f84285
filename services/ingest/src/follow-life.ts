import { EVENTS_TOPIC } from '@sluice/events'
import type { LogLife } from '@sluice/server-parts'
import { backgroundLoop, type Logger } from '@sluice/service'
import { type RefillParts, refillLog } from './refill.ts'

const LOOK_EVERY_MS = 5_000

export interface FollowLifeParts extends RefillParts {
  life: LogLife
  logger: Logger
  /** Ends this process in good order, so that it begins anew. */
  restart: () => void
}

/** Fills a new life of the log from the raw zone, and has this process begin anew when the life ends. */
export function followLife(parts: FollowLifeParts): { stop(): Promise<void> } {
  const { life, logger, restart, log, partitions } = parts
  return backgroundLoop(
    async () => {
      if (!(await life.current())) {
        logger.warn({ epoch: life.epoch }, 'the event log has begun another life; this process begins anew')
        restart()
      } else if (life.to_refill) {
        await log.ensureTopic(EVENTS_TOPIC, { partitions })
        const { batches, heads } = await refillLog(parts)
        await life.refilled(heads)
        logger.warn({ batches, epoch: life.epoch }, 'the event log was lost and is filled again from the raw zone')
      }
      return undefined
    },
    { name: 'log life', log: logger, pause_ms: LOOK_EVERY_MS },
  )
}

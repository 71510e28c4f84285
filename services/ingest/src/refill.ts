import type { EventLog } from '@sluice/event-log'
import { EVENTS_TOPIC } from '@sluice/events'
import { acknowledgedBatch, type RawZone } from '@sluice/raw-zone'
import { logRecordsReadBack } from './log-records.ts'
import { type EventTypes, routingBy } from './routing.ts'

export interface RefillParts {
  rawZone: RawZone
  log: EventLog
  eventTypes: EventTypes
  partitions: number
}

/**
 * Sends every raw batch there is to a log that was lost and begins anew. What the ledger has of them already is dropped
 * there as redelivered.
 * @returns how many batches were sent, and by incarnation up to which one
 */
export async function refillLog({
  rawZone,
  log,
  eventTypes,
  partitions,
}: RefillParts): Promise<{ batches: number; heads: Record<string, number> }> {
  const routing = routingBy(eventTypes, partitions)
  let batches = 0
  const heads: Record<string, number> = {}
  const producer = await log.producer()
  try {
    for (const { incarnation, head } of await rawZone.heads()) {
      for (let number = 1; number <= head; number++) {
        const batch = await acknowledgedBatch(rawZone, incarnation, number)
        if (batch.lines === 0) continue
        await producer.send(EVENTS_TOPIC, logRecordsReadBack(batch.bytes, routing))
        batches++
      }
      heads[incarnation] = head
    }
  } finally {
    await producer.close()
  }
  return { batches, heads }
}

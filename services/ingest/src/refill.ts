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
  /** By incarnation up to which batch an attempt before has sent them; this one goes on there, and notes its own. */
  sent?: Map<string, number>
}

/**
 * Sends every raw batch there is to a log that was lost and begins anew. What the ledger has of them already is dropped
 * there as redelivered. An incarnation that cannot be read to its end holds up no other.
 * @returns how many batches were sent, and by incarnation up to which one
 * @throws what was in the way of the first such incarnation, once all others are sent
 */
export async function refillLog({
  rawZone,
  log,
  eventTypes,
  partitions,
  sent = new Map(),
}: RefillParts): Promise<{ batches: number; heads: Record<string, number> }> {
  const routing = routingBy(eventTypes, partitions)
  let batches = 0
  const heads: Record<string, number> = {}
  const failures: unknown[] = []
  const producer = await log.producer()
  try {
    for (const { incarnation, head } of await rawZone.heads()) {
      try {
        for (let number = 1 + (sent.get(incarnation) ?? 0); number <= head; number++) {
          const batch = await acknowledgedBatch(rawZone, incarnation, number)
          if (batch.lines > 0) {
            await producer.send(EVENTS_TOPIC, logRecordsReadBack(batch.bytes, routing))
            batches++
          }
          sent.set(incarnation, number)
        }
        heads[incarnation] = head
      } catch (error) {
        failures.push(error)
      }
    }
  } finally {
    await producer.close()
  }
  if (failures.length > 0) throw failures[0]
  return { batches, heads }
}

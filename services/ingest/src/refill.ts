import { type EventLog, LogError, type LogProducer } from '@sluice/event-log'
import { EVENTS_TOPIC } from '@sluice/events'
import type { RawZone } from '@sluice/raw-zone'
import { batchGroups } from './batch-groups.ts'
import { type EventTypes, type Routing, routingBy } from './routing.ts'

/** By raw incarnation: all its batches up to this one were sent. */
export type SentBatches = Map<string, number>

export interface RefillParts {
  rawZone: RawZone
  log: EventLog
  eventTypes: EventTypes
  partitions: number
  /** What an attempt before has sent; this one goes on there, and notes its own. */
  sent?: SentBatches
  /** Told after each send. What it adds to `sent` was sent by others, and is left to them. */
  progressed?: (sent: SentBatches) => Promise<void>
  /** Told of each incarnation that cannot be read to its end. */
  failed?: (incarnation: string, error: unknown) => void
  signal?: AbortSignal
}

/** Incarnations under way at the same time: many are short, and each waits for the object store first. */
const AT_ONCE = 4

/**
 * Sends every raw batch there is to a log that was lost and begins anew. What the ledger has of them already is dropped
 * there as redelivered. An incarnation that cannot be read to its end holds up no other. It begins with any of them, so
 * that several processes at once mostly send different ones.
 * @returns how many batches this process sent, and by incarnation up to which one all were sent
 * @throws what the log said, at once; else what was in the way of the first incarnation, once all others are sent
 */
export async function refillLog(parts: RefillParts): Promise<{ batches: number; heads: Record<string, number> }> {
  const { rawZone, log, sent = new Map(), signal } = parts
  const routing = routingBy(parts.eventTypes, parts.partitions)
  let batches = 0
  const heads: Record<string, number> = {}
  const failures: unknown[] = []
  let log_failure: LogError | undefined
  const producer = await log.producer()
  try {
    const found = await rawZone.heads()
    const first = Math.floor(Math.random() * found.length)
    const waiting = [...found.slice(first), ...found.slice(0, first)]
    const work = async () => {
      for (let next = waiting.shift(); next && !log_failure && !signal?.aborted; next = waiting.shift()) {
        const { incarnation, head } = next
        try {
          batches += await sendRest({ ...parts, sent, producer, routing }, incarnation, head)
          heads[incarnation] = head
        } catch (error) {
          if (error instanceof LogError) log_failure ??= error
          else if (!signal?.aborted) parts.failed?.(incarnation, error)
          failures.push(error)
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
  } finally {
    await producer.close()
  }
  signal?.throwIfAborted()
  if (log_failure) throw log_failure
  if (failures.length > 0) throw failures[0]
  return { batches, heads }
}

interface SendParts extends RefillParts {
  sent: SentBatches
  producer: LogProducer
  routing: Routing
}

async function sendRest(
  { rawZone, producer, routing, sent, progressed, signal }: SendParts,
  incarnation: string,
  head: number,
): Promise<number> {
  const through = () => sent.get(incarnation) ?? 0
  let batches = 0
  while (through() < head) {
    for await (const group of batchGroups(rawZone.batches(incarnation, { from: through() + 1, to: head }), routing)) {
      if (group.records.length > 0) await producer.send(EVENTS_TOPIC, group.records)
      batches += group.batches
      sent.set(incarnation, Math.max(group.last, through()))
      await progressed?.(sent)
      signal?.throwIfAborted()
      if (through() > group.last) break
    }
  }
  return batches
}

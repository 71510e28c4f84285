import type { EventLog, LogProducer, LogRecord } from '@sluice/event-log'
import { EVENTS_TOPIC } from '@sluice/events'
import type { RawBatch, RawZone } from '@sluice/raw-zone'
import { logRecordsReadBack } from './log-records.ts'
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
}

/** Raw bytes of one send. */
const SEND_BYTES = 4 * 1024 ** 2

/**
 * Sends every raw batch there is to a log that was lost and begins anew. What the ledger has of them already is dropped
 * there as redelivered. An incarnation that cannot be read to its end holds up no other. It begins with any of them, so
 * that several processes at once mostly send different ones.
 * @returns how many batches this process sent, and by incarnation up to which one all were sent
 * @throws what was in the way of the first such incarnation, once all others are sent
 */
export async function refillLog(parts: RefillParts): Promise<{ batches: number; heads: Record<string, number> }> {
  const { rawZone, log, sent = new Map() } = parts
  const routing = routingBy(parts.eventTypes, parts.partitions)
  let batches = 0
  const heads: Record<string, number> = {}
  const failures: unknown[] = []
  const producer = await log.producer()
  try {
    const incarnations = await rawZone.heads()
    const first = Math.floor(Math.random() * incarnations.length)
    for (const { incarnation, head } of [...incarnations.slice(first), ...incarnations.slice(0, first)]) {
      try {
        batches += await sendRest({ ...parts, sent, producer, routing }, incarnation, head)
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

interface SendParts extends RefillParts {
  sent: SentBatches
  producer: LogProducer
  routing: Routing
}

async function sendRest(
  { rawZone, producer, routing, sent, progressed }: SendParts,
  incarnation: string,
  head: number,
): Promise<number> {
  const through = () => sent.get(incarnation) ?? 0
  let batches = 0
  while (through() < head) {
    for await (const group of grouped(rawZone.batches(incarnation, { from: through() + 1, to: head }), routing)) {
      if (group.records.length > 0) await producer.send(EVENTS_TOPIC, group.records)
      batches += group.batches
      sent.set(incarnation, Math.max(group.last, through()))
      await progressed?.(sent)
      if (through() > group.last) break
    }
  }
  return batches
}

interface Group {
  records: LogRecord[]
  bytes: number
  batches: number
  /** Number of the last batch. */
  last: number
}

/** Batches as sends of about the same size. Before an error of reading comes what was read. */
async function* grouped(read: AsyncIterable<RawBatch>, routing: Routing): AsyncGenerator<Group> {
  let group: Group = { records: [], bytes: 0, batches: 0, last: 0 }
  try {
    for await (const { number, bytes } of read) {
      for (const record of logRecordsReadBack(bytes, routing)) group.records.push(record)
      group.bytes += bytes.length
      group.batches++
      group.last = number
      if (group.bytes < SEND_BYTES) continue
      yield group
      group = { records: [], bytes: 0, batches: 0, last: 0 }
    }
  } catch (error) {
    if (group.batches > 0) yield group
    throw error
  }
  if (group.batches > 0) yield group
}

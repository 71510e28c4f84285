import type { EventLog } from '@sluice/event-log'
import { EVENTS_TOPIC, rawLine, rawLineTail } from '@sluice/events'
import { eventOf } from '../made-up-events.ts'

export const PARTITIONS = 4
const SENT_AT_ONCE = 5_000
const SENDS_UNDER_WAY = 4

/** Fills the log with raw lines of 300-byte events of five types, half of them views, in four partitions. */
export async function fill(log: EventLog, events: number): Promise<void> {
  await log.ensureTopic(EVENTS_TOPIC, { partitions: PARTITIONS })
  const producer = await log.producer()
  const sends: Promise<void>[] = []
  for (let at = 0; at < events; at += SENT_AT_ONCE) {
    if (sends.length >= SENDS_UNDER_WAY) await sends.shift()
    sends.push(producer.send(EVENTS_TOPIC, linesFrom(at, Math.min(SENT_AT_ONCE, events - at))))
  }
  await Promise.all(sends)
  await producer.close()
}

function linesFrom(at: number, count: number) {
  const batch = `bench-${1 + at / SENT_AT_ONCE}`
  return Array.from({ length: count }, (_, line) => {
    const event = eventOf(at + line)
    const event_id = `01998877-6655-7${String(at % 1000).padStart(3, '0')}-8000-${String(at + line).padStart(12, '0')}`
    const tail = rawLineTail(
      {
        event_id,
        received_at: '2026-01-02T03:04:05.678Z',
        source: 'anonymous',
        type: event.type,
        form: 'event',
        wait: 0,
      },
      JSON.stringify(event),
    )
    return { partition: (at + line) % PARTITIONS, value: Buffer.from(rawLine(batch, line, tail)) }
  })
}

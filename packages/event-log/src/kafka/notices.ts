import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EventLog, type LogConsumer, LogError, type LogProducer, type PolledRecord } from '../event-log.ts'
import type { Notice, NoticedOutcome, Notices } from '../notices.ts'

export interface KafkaNoticesOptions {
  log: EventLog
  /** Default `notices`; one partition, kept for ten minutes. */
  topic?: string
  /** Told when notices could not be sent or read, once a row of failures: they are lost, and whoever waits polls. */
  failed: (error: unknown) => void
}

export interface KafkaNotices extends Notices {
  close(): Promise<void>
}

const RETENTION_MS = 600_000
/** A notice with more outcomes goes out as several. */
const OUTCOMES_A_NOTICE = 2_000
/** Notices that wait to be sent; the oldest are dropped beyond it. */
const WAITING_LIMIT = 1_000
const PAUSE_AFTER_FAILURE_MS = 1_000
const POLL = { max_records: 1_000, max_bytes: 8 * 1024 ** 2, max_wait_ms: 5_000 }

/**
 * Notices between processes: each one reads all of a small topic, from its end at the time it began. Those who listen
 * in this process hear of a notice at once, also while Kafka is away.
 */
export function kafkaNotices({ log, topic = 'notices', failed }: KafkaNoticesOptions): KafkaNotices {
  const me = randomUUID()
  const listeners = new Set<(notice: Notice) => void>()
  const stop = new AbortController()
  const waiting: Notice[] = []
  let sending: Promise<void> = Promise.resolve()
  let busy = false
  let producer: LogProducer | undefined
  let consumer: LogConsumer | undefined
  let failing = false

  const tell = (notice: Notice) => {
    for (const listener of listeners) listener(notice)
  }
  const note = (error: unknown) => {
    if (!failing && !stop.signal.aborted) failed(error)
    failing = true
  }

  async function read(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        consumer ??= await open()
        for (const record of (await consumer.poll(POLL)).records) hear(record)
        failing = false
      } catch (error) {
        note(error)
        // A passing fault is the consumer's to get over.
        if (!(error instanceof LogError && error.retryable)) {
          await consumer?.close().catch(note)
          consumer = undefined
        }
        await sleep(PAUSE_AFTER_FAILURE_MS, undefined, { signal: stop.signal }).catch(() => undefined)
      }
    }
  }

  async function open(): Promise<LogConsumer> {
    await log.ensureTopic(topic, { partitions: 1, retention_ms: RETENTION_MS })
    return log.consumer({
      topic,
      startFrom: async (partitions) => new Map(partitions.map(({ partition, end }) => [partition, end])),
    })
  }

  function hear({ value }: PolledRecord): void {
    if (value.length === 0) return
    const { from, notice }: { from: string; notice: Notice } = JSON.parse(Buffer.from(value).toString('utf8'))
    if (from !== me) tell(notice)
  }

  async function send(): Promise<void> {
    busy = true
    for (let next = waiting.splice(0); next.length > 0; next = waiting.splice(0)) {
      try {
        producer ??= await log.producer()
        await producer.send(
          topic,
          next.map((notice) => ({ partition: 0, value: Buffer.from(JSON.stringify({ from: me, notice })) })),
        )
      } catch (error) {
        note(error)
        await producer?.close().catch(note)
        producer = undefined
      }
    }
    // In the same step as the look that found nothing more: the next notice begins another round.
    busy = false
  }

  const reading = read()
  return {
    /** Never fails for Kafka: see `failed`. */
    async publish(notice) {
      tell(notice)
      waiting.push(...partsOf(notice))
      waiting.splice(0, waiting.length - WAITING_LIMIT)
      if (!busy) sending = send()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      stop.abort()
      await sending
      await producer?.close()
      // Also ends a poll under way.
      await consumer?.close()
      await reading
      await consumer?.close()
    },
  }
}

function partsOf(notice: Notice): Notice[] {
  if (notice.kind !== 'tables' || notice.outcomes.length <= OUTCOMES_A_NOTICE) return [notice]
  const parts: Notice[] = []
  for (let from = 0; from < notice.outcomes.length; from += OUTCOMES_A_NOTICE) {
    const outcomes: NoticedOutcome[] = notice.outcomes.slice(from, from + OUTCOMES_A_NOTICE)
    parts.push({ ...notice, outcomes })
  }
  return parts
}

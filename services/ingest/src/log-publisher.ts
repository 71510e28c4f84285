import { setTimeout as sleep } from 'node:timers/promises'
import type { EventLog, LogProducer, LogRecord } from '@sluice/event-log'
import { faultFields } from '@sluice/service'
import type { IngestLogger } from './logger.ts'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 5_000

/** Sends to one topic until it succeeds, however long the log is away; the topic is created with the first send. */
export class LogPublisher {
  readonly #log: EventLog
  readonly #topic: string
  readonly #partitions: number
  readonly #logger: IngestLogger
  #producer: LogProducer | undefined
  #failing_since_ms: number | undefined

  constructor(log: EventLog, topic: string, partitions: number, logger: IngestLogger) {
    this.#log = log
    this.#topic = topic
    this.#partitions = partitions
    this.#logger = logger
  }

  /** Whether the last try to send succeeded. */
  get reachable(): boolean {
    return this.#failing_since_ms === undefined
  }

  /** `false` if `signal` was aborted first; then some of the records may be on the log all the same. */
  async publish(records: readonly LogRecord[], signal: AbortSignal): Promise<boolean> {
    for (let tries = 0; !signal.aborted; tries++) {
      try {
        this.#producer ??= await this.#open()
        if (records.length > 0) await this.#producer.send(this.#topic, records)
        if (this.#failing_since_ms !== undefined)
          this.#logger.info({ topic: this.#topic }, 'the log is reachable again')
        this.#failing_since_ms = undefined
        return true
      } catch (error) {
        this.#noteFailure(error)
        await this.close()
        await sleep(pauseMs(tries), undefined, { signal }).catch(() => undefined)
      }
    }
    return false
  }

  async close(): Promise<void> {
    const producer = this.#producer
    this.#producer = undefined
    await producer
      ?.close()
      .catch((error: unknown) => this.#logger.debug({ err: error }, 'closing a log producer failed'))
  }

  async #open(): Promise<LogProducer> {
    await this.#log.ensureTopic(this.#topic, { partitions: this.#partitions })
    return this.#log.producer()
  }

  #noteFailure(error: unknown): void {
    const now = performance.now()
    if (this.#failing_since_ms === undefined)
      this.#logger.warn(
        { ...faultFields(error), topic: this.#topic },
        'publishing failed; events stay in the raw zone and are sent again',
      )
    this.#failing_since_ms ??= now
  }
}

/** Doubles up to the longest pause; half of it is left to chance, so that many instances do not come back at once. */
function pauseMs(tries: number): number {
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(tries, 10))
  return pause / 2 + Math.random() * (pause / 2)
}

import { setTimeout as sleep } from 'node:timers/promises'
import { LogError, type LogProducer, type LogRecord } from '../event-log.ts'
import { logErrorOf } from './errors.ts'
import { openKafkajsProducer } from './kafkajs-producer.ts'
import { openPlatformaticProducer } from './platformatic-producer.ts'
import type { ProducerClient } from './producer-client.ts'
import { type Acknowledged, type SendBatch, SendQueue, unacknowledged } from './send-queue.ts'
import type { KafkaSettings } from './settings.ts'
import type { KafkaTopics } from './topics.ts'

const PAUSE_BEFORE_THE_REST_MS = 100

const CLIENTS = { kafkajs: openKafkajsProducer, platformatic: openPlatformaticProducer } as const

/**
 * Gathers sends into batches by bytes and time and has one batch under way at a time: what waits meanwhile is the next
 * batch. The order within a partition, and kafkajs's idempotence, depend on that (see kafkajs-defects.ts).
 */
export class KafkaProducer implements LogProducer {
  readonly #settings: KafkaSettings
  readonly #topics: KafkaTopics
  readonly #queue: SendQueue
  #client: Promise<ProducerClient> | undefined
  #queued: Promise<unknown> = Promise.resolve()
  #sending: Promise<void> = Promise.resolve()
  #busy = false
  #closed = false

  constructor(settings: KafkaSettings, topics: KafkaTopics) {
    this.#settings = settings
    this.#topics = topics
    this.#queue = new SendQueue(settings.limits)
  }

  /** Connects, so that an error comes now and not with the first send. */
  async open(): Promise<this> {
    await this.#connected()
    return this
  }

  get closed(): boolean {
    return this.#closed
  }

  async send(topic: string, records: readonly LogRecord[]): Promise<void> {
    if (this.#closed) throw new LogError('closed', 'this producer was closed')
    // One after the other, because looking at the topic may take its time and sends keep their order.
    const queued = this.#queued.then(async () => {
      await this.#check(topic, records)
      return { sent: this.#queue.push(topic, records) }
    })
    this.#queued = queued.catch(() => undefined)
    const { sent } = await queued
    if (!this.#busy) this.#sending = this.#run()
    return sent
  }

  /** Sends what waits, and ends. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#queued
    await this.#sending
    await this.#discard()
  }

  async #check(topic: string, records: readonly LogRecord[]): Promise<void> {
    let { partitions } = await this.#topics.check(topic, this.#settings.limits.topic_check_ms)
    const highest = records.reduce((max, { partition }) => Math.max(max, partition), 0)
    if (highest >= partitions) ({ partitions } = await this.#topics.check(topic))
    const wrong = records.find(({ partition }) => !(partition >= 0 && partition < partitions))
    if (wrong)
      throw new LogError('failed', `expected a partition below ${partitions} of ${topic}; got ${wrong.partition}`)
  }

  async #run(): Promise<void> {
    this.#busy = true
    if (this.#settings.limits.linger_ms > 0) await sleep(this.#settings.limits.linger_ms)
    for (let batch = this.#queue.next(); batch; batch = this.#queue.next()) {
      try {
        await this.#deliver(batch)
        batch.acknowledged()
      } catch (error) {
        const failure = logErrorOf(error, `sending to Kafka at ${this.#settings.brokers.join(', ')}`)
        void this.#discard()
        batch.failed(failure)
        if (failure.code === 'unreachable') this.#queue.fail(failure)
      }
    }
    // In the same step as the look that found nothing more: whoever sends next begins another run.
    this.#busy = false
  }

  /** Sends until every partition of the batch is acknowledged. */
  async #deliver(batch: SendBatch): Promise<void> {
    const until = performance.now() + this.#settings.limits.send_ms
    for (let rest = batch.records; rest.size > 0; ) {
      const acknowledged = await this.#produce(rest, until - performance.now())
      rest = unacknowledged(rest, acknowledged)
      if (rest.size === 0) return
      void this.#discard()
      if (performance.now() > until) throw this.#tooLate()
      await sleep(PAUSE_BEFORE_THE_REST_MS)
    }
  }

  async #produce(records: SendBatch['records'], within_ms: number): Promise<readonly Acknowledged[]> {
    const late = new AbortController()
    const deadline = sleep(Math.max(0, within_ms), undefined, { signal: late.signal, ref: false }).then(
      (): Acknowledged[] => {
        throw this.#tooLate()
      },
      () => [],
    )
    try {
      return await Promise.race([this.#connected().then((client) => client.produce(records)), deadline])
    } finally {
      late.abort()
    }
  }

  #tooLate(): LogError {
    return new LogError(
      'unreachable',
      `Kafka at ${this.#settings.brokers.join(', ')} did not acknowledge a batch within ${this.#settings.limits.send_ms} ms`,
      { retryable: true },
    )
  }

  #connected(): Promise<ProducerClient> {
    this.#client ??= CLIENTS[this.#settings.producer](this.#settings).catch((error) => {
      throw logErrorOf(error, `connecting to Kafka at ${this.#settings.brokers.join(', ')}`)
    })
    return this.#client
  }

  async #discard(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client
      ?.then((producer) => producer.close())
      .catch((error) => {
        this.#settings.logger.debug({ err: error }, 'closing a Kafka producer failed')
      })
  }
}

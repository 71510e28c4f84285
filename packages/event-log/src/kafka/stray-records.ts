import type { PolledRecord } from '../event-log.ts'
import { type KafkaSettings, topicName } from './settings.ts'

/** A program that writes to our topic by mistake writes often. */
const TELL_EVERY_MS = 10_000

/** Counts and tells of records in our topic that another program wrote: without the header that says whose they are. */
export class StrayRecords {
  readonly #settings: KafkaSettings
  readonly #topic: string
  #count = 0
  #told_ms = Number.NEGATIVE_INFINITY

  constructor(settings: KafkaSettings, topic: string) {
    this.#settings = settings
    this.#topic = topic
  }

  note(partition: number, records: readonly PolledRecord[]): void {
    const strays = records.filter(({ value }) => value.length === 0)
    const newest = strays.at(-1)
    if (!newest) return
    this.#count += strays.length
    if (performance.now() - this.#told_ms < TELL_EVERY_MS) return
    this.#told_ms = performance.now()
    this.#settings.logger.warn(
      {
        topic: topicName(this.#settings, this.#topic),
        partition,
        offset: newest.offset.toString(),
        records: this.#count,
      },
      'passed over records that another program wrote to this topic; nothing acknowledged is among them: find out who writes there',
    )
  }
}

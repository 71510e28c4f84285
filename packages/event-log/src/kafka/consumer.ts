import {
  type ConsumerOptions,
  type LogConsumer,
  LogError,
  type LogErrorCode,
  type PartitionOffsets,
  type PolledBatch,
  type PolledRecord,
  type PollLimits,
} from '../event-log.ts'
import { logErrorOf } from './errors.ts'
import { FetchPlaces } from './fetch-places.ts'
import type { Fetched, FetchedRecord, Member, MembershipEvents } from './membership.ts'
import { refuseOutside } from './offset-range.ts'
import { RecordBuffer } from './record-buffer.ts'
import { type KafkaSettings, topicName } from './settings.ts'
import { StrayRecords } from './stray-records.ts'
import type { KafkaTopics } from './topics.ts'
import { Wakeup } from './wakeup.ts'

export interface KafkaConsumerParts {
  topics: Pick<KafkaTopics, 'check' | 'offsets'>
  join(events: MembershipEvents): Member
  /** Tells the group that this member is no more. */
  forget(member_id: string): Promise<void>
}

/** Thrown by each poll, until the reader seeks or is assigned anew; of a topic that was replaced, for ever. */
const LASTING: ReadonlySet<LogErrorCode> = new Set(['offset_out_of_range', 'replaced'])

/**
 * The `poll` side of a member: a bounded buffer over all its partitions, which the membership fills. Everything that
 * asks the reader (`startFrom`, `onRevoked`) happens within `poll`.
 */
export class KafkaConsumer implements LogConsumer {
  readonly #settings: KafkaSettings
  readonly #parts: KafkaConsumerParts
  readonly #options: ConsumerOptions
  readonly #epoch: Buffer
  readonly #strays: StrayRecords
  readonly #wakeup = new Wakeup()
  readonly #buffer = new RecordBuffer()
  #membership: Member | undefined
  #former: string | undefined
  #generation = 0
  /** Given by the group and not yet begun. */
  #assigned: readonly number[] | undefined
  #rebalancing = true
  /** Where the next poll starts. */
  #positions = new Map<number, bigint>()
  readonly #places = new FetchPlaces()
  /** kafkajs left an offset of ours for another one: until the log is looked at, nothing is believed. */
  #astray = false
  /** How long polls have waited since the group was last heard of. */
  #silence_ms = 0
  #failure: LogError | undefined
  #checked_ms = 0
  #checking = false
  #closed = false

  constructor(settings: KafkaSettings, parts: KafkaConsumerParts, options: ConsumerOptions) {
    this.#settings = settings
    this.#parts = parts
    this.#options = options
    this.#epoch = Buffer.from(settings.epoch)
    this.#strays = new StrayRecords(settings, options.topic)
  }

  get closed(): boolean {
    return this.#closed
  }

  async poll(limits: PollLimits): Promise<PolledBatch> {
    if (this.#closed) throw new LogError('closed', 'this consumer was closed')
    const until = performance.now() + limits.max_wait_ms
    for (;;) {
      await this.#settle()
      if (this.#closed || this.#hasRecords()) break
      const left_ms = until - performance.now()
      if (left_ms <= 0) break
      const began_ms = performance.now()
      await this.#wakeup.wait(left_ms)
      // Not what passed while this process was stopped or busy.
      this.#silence_ms += Math.min(left_ms, performance.now() - began_ms)
    }
    if (this.#hasRecords() && limits.linger_ms) await this.#linger(limits, limits.linger_ms)
    if (!this.#closed && this.#hasRecords()) return this.#take(limits)
    if (!this.#closed) this.#throwSilence()
    return { generation: this.#generation, records: [] }
  }

  positions(): ReadonlyMap<number, bigint> {
    return new Map(this.#positions)
  }

  seek(positions: ReadonlyMap<number, bigint>): void {
    const owned = new Map([...positions].filter(([partition]) => this.#positions.has(partition)))
    for (const [partition, offset] of owned) {
      this.#positions.set(partition, offset)
      this.#places.set(partition, offset)
    }
    this.#buffer.drop(new Set(owned.keys()))
    this.#isElsewhere()
    if (this.#assigned === undefined) this.#membership?.seek(this.#places.fetchesOf(owned.keys()))
    this.#resumeIfRoom()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#wakeup.notify()
    await this.#membership?.end()
  }

  /** Records that are ours to hand out: neither while the group agrees anew, nor while it may have given us up. */
  #hasRecords(): boolean {
    return this.#buffer.count > 0 && !this.#rebalancing && this.#membership?.alive === true
  }

  /** Joins, takes over what was assigned, and throws what went wrong since the last poll. */
  async #settle(): Promise<void> {
    this.#throwFailure()
    if (!this.#membership) {
      await this.#parts.topics.check(this.#options.topic)
      await this.#forgetFormer()
      this.#membership = this.#parts.join(this.#events())
      this.#membership.start()
    }
    while (this.#assigned !== undefined && !this.#closed) await this.#takeOver(this.#assigned)
    this.#checkSometimes()
    this.#throwFailure()
  }

  #throwFailure(): void {
    const failure = this.#failure
    if (!failure) return
    if (!LASTING.has(failure.code)) this.#failure = undefined
    throw failure
  }

  /** The reader goes on from somewhere else. */
  #isElsewhere(): void {
    if (this.#failure?.code !== 'offset_out_of_range') return
    this.#failure = undefined
    this.#astray = false
  }

  /** The group would wait out the session of a membership that broke off, before it gives its partitions to us. */
  async #forgetFormer(): Promise<void> {
    const member = this.#former
    this.#former = undefined
    if (member === undefined) return
    await this.#parts.forget(member).catch((error) => {
      this.#settings.logger.debug({ err: error }, 'removing a former member failed; its session will end')
    })
  }

  /** Brokers that are away are waited for, by the same membership; whoever polls should know. */
  #throwSilence(): void {
    const { brokers, limits } = this.#settings
    const silent_ms = this.#silence_ms
    if (silent_ms < limits.session_ms + (this.#rebalancing ? limits.rebalance_ms : 0)) return
    this.#silence_ms = 0
    throw new LogError(
      'unreachable',
      `expected an answer of Kafka at ${brokers.join(', ')} each ${limits.heartbeat_ms} ms; there was none for ${Math.round(silent_ms)} ms: is it running?`,
      { retryable: true },
    )
  }

  /** Starts the assigned partitions where the reader says. A new assignment meanwhile makes this one void. */
  async #takeOver(assigned: readonly number[]): Promise<void> {
    const lost = [...this.#positions.keys()].filter((partition) => !assigned.includes(partition))
    for (const partition of lost) this.#positions.delete(partition)
    if (lost.length > 0) await this.#options.onRevoked?.(lost)
    const offsets = await this.#parts.topics.offsets(this.#options.topic)
    const known = offsets.filter(({ partition }) => assigned.includes(partition))
    const from = await this.#options.startFrom(known)
    const start = new Map(known.map(({ partition, earliest }) => [partition, from.get(partition) ?? earliest]))
    await refuseOutside(
      () => this.#parts.topics.offsets(this.#options.topic),
      () => start,
    )
    if (this.#assigned !== assigned) return
    this.#astray = false
    this.#positions = new Map(start)
    this.#places.begin(start, this.#options.continues ? known.flatMap((one) => unprovenAt(one, start)) : [])
    this.#buffer.clear()
    this.#assigned = undefined
    this.#rebalancing = false
    this.#generation++
    this.#membership?.begin(this.#places.fetchesOf(start.keys()))
  }

  async #linger(limits: PollLimits, linger_ms: number): Promise<void> {
    const until = performance.now() + linger_ms
    while (!this.#closed && this.#hasRecords() && this.#failure === undefined) {
      const left_ms = until - performance.now()
      if (left_ms <= 0 || this.#buffer.count >= limits.max_records || this.#buffer.bytes >= limits.max_bytes) return
      await this.#wakeup.wait(left_ms)
    }
  }

  #take(limits: PollLimits): PolledBatch {
    const records = this.#buffer.take(limits.max_records, limits.max_bytes)
    for (const { partition, offset } of records) this.#positions.set(partition, offset + 1n)
    this.#resumeIfRoom()
    return { generation: this.#generation, records }
  }

  #resumeIfRoom(): void {
    if (
      this.#assigned === undefined &&
      !this.#rebalancing &&
      this.#failure === undefined &&
      this.#buffer.bytes < this.#settings.limits.buffer_bytes / 2
    )
      this.#membership?.resume()
  }

  #events(): MembershipEvents {
    const changed = () => this.#wakeup.notify()
    return {
      assigned: (partitions) => {
        this.#silence_ms = 0
        this.#isElsewhere()
        this.#assigned = partitions
        this.#rebalancing = true
        this.#buffer.clear()
        changed()
      },
      rebalancing: () => {
        this.#assigned = undefined
        this.#rebalancing = true
        this.#buffer.clear()
        changed()
      },
      heard: () => {
        this.#silence_ms = 0
        changed()
      },
      fetched: (fetched) => {
        const taken = this.#accept(fetched)
        changed()
        return taken
      },
      strayed: (partition) => {
        this.#settings.logger.warn({ topic: this.#options.topic, partition }, 'an offset is outside the log')
        this.#astray = true
        this.#checkNow()
      },
      lost: (error, passing) => {
        // A missing topic is looked at again before joining again, which tells what became of it.
        if (!passing && error.code !== 'unknown_topic') this.#failure ??= error
        this.#assigned = undefined
        this.#rebalancing = true
        this.#buffer.clear()
        const membership = this.#membership
        this.#membership = undefined
        this.#former = membership?.member_id
        void membership?.end()
        changed()
      },
    }
  }

  #accept({ partition, from, records, next }: Fetched): boolean {
    if (this.#rebalancing || this.#astray) return false
    const start = this.#places.starts.get(partition)
    const expected = this.#places.fetchFrom(partition)
    if (start === undefined || expected === undefined) return false
    if (from !== expected) {
      // Not asked for by us: the client went elsewhere, or this was under way during a seek.
      this.#membership?.seek(new Map([[partition, expected]]))
      if (from > expected) this.#checkNow()
      return false
    }
    const foreign = records.find((record) => record.epoch !== undefined && !this.#epoch.equals(record.epoch))
    if (foreign) {
      const { epoch } = this.#settings
      return this.#refuse(
        partition,
        foreign.offset,
        `expected records of log epoch ${epoch}, got one of ${foreign.epoch?.toString()}; the topic was filled from elsewhere`,
      )
    }
    const polled = records.map((record) => this.#polled(partition, record))
    if (from < start) {
      const before = polled[0]?.offset === from ? polled.shift() : undefined
      if (!before || this.#options.continues?.(before) === false)
        return this.#refuse(
          partition,
          from,
          'expected the record that was read last before; there is another one, so the log lost its end and was written on',
        )
      this.#places.proved(partition)
    }
    this.#strays.note(partition, polled)
    this.#buffer.push(polled)
    this.#places.set(partition, next)
    if (this.#buffer.bytes >= this.#settings.limits.buffer_bytes) this.#membership?.pause()
    return true
  }

  /** What no process of ours wrote is no event, whatever it says, but its offset counts. */
  #polled(partition: number, { offset, value, epoch }: FetchedRecord): PolledRecord {
    return { partition, offset, value: epoch === undefined ? NOTHING : value }
  }

  #refuse(partition: number, offset: bigint, what: string): false {
    this.#failure = new LogError(
      'replaced',
      `${topicName(this.#settings, this.#options.topic)}, partition ${partition}, offset ${offset}: ${what}: open the log with a new epoch and refill it from the raw zone`,
    )
    return false
  }

  #checkSometimes(): void {
    if (performance.now() - this.#checked_ms > this.#settings.limits.topic_check_ms) this.#checkNow()
  }

  /** Whether the topic is the same still, and our offsets within it; kafkajs would go elsewhere by itself. */
  #checkNow(): void {
    if (this.#rebalancing || this.#checking) return
    this.#checked_ms = performance.now()
    this.#checking = true
    void this.#verify().finally(() => {
      this.#checking = false
    })
  }

  async #verify(): Promise<void> {
    const generation = this.#generation
    try {
      await refuseOutside(
        () => this.#parts.topics.offsets(this.#options.topic),
        () => (generation === this.#generation ? this.#places.starts : new Map()),
      )
      if (this.#astray && !this.#rebalancing && generation === this.#generation) this.#beginAnew()
    } catch (error) {
      const failure = logErrorOf(error, `checking ${this.#options.topic}`)
      // What is merely away for a while is noticed by the membership.
      if (failure.retryable) return
      this.#failure ??= failure
      if (LASTING.has(failure.code)) this.#membership?.pause()
      this.#wakeup.notify()
    }
  }

  /** Our offsets are within the log again, which may be another one by now: the reader is asked, and shown its last record. */
  #beginAnew(): void {
    this.#assigned = [...this.#positions.keys()]
    this.#rebalancing = true
    this.#buffer.clear()
    this.#wakeup.notify()
  }
}

const NOTHING = new Uint8Array()

const unprovenAt = ({ partition, earliest }: PartitionOffsets, start: ReadonlyMap<number, bigint>): number[] =>
  (start.get(partition) ?? earliest) > earliest ? [partition] : []

import { setTimeout as sleep } from 'node:timers/promises'
import type { Consumer, EachBatchPayload, IHeaders } from 'kafkajs'
import type { LogError } from '../event-log.ts'
import { isPassingOfGroup, logErrorOf } from './errors.ts'
import { kafkajsClient } from './kafkajs-client.ts'
import { fetchedOffset } from './kafkajs-defects.ts'
import { EPOCH_HEADER, type KafkaSettings } from './settings.ts'
import { Wakeup } from './wakeup.ts'

export interface FetchedRecord {
  offset: bigint
  value: Uint8Array
  /** The header of that name, if there is one. */
  epoch: Buffer | undefined
}

export interface Fetched {
  partition: number
  /** The offset that was asked for. */
  from: bigint
  records: FetchedRecord[]
  /** Where the next fetch goes on. */
  next: bigint
}

/** What a membership tells; all calls are synchronous, so that nothing is fetched in between. */
export interface MembershipEvents {
  /** The group has agreed: these are ours. Nothing is fetched until `begin`. */
  assigned(partitions: readonly number[]): void
  /** The group is about to agree anew: what is ours now may soon be another's. */
  rebalancing(): void
  /** The coordinator has heard of us. */
  heard(): void
  /** @returns whether the records were taken; if not, they are fetched again from where `seek` says */
  fetched(fetched: Fetched): boolean
  /** kafkajs left our offset of this partition for another one. */
  strayed(partition: number): void
  /** This membership is over, unless we ended it. `passing`: joining again soon will do. */
  lost(error: LogError, passing: boolean): void
}

/** One life of a member of a consumer group. After `lost` its owner makes another. */
export interface Member {
  start(): void
  /**
   * Whether the group still counts on us, as far as can be told: no session time has passed since the last heartbeat
   * that was answered. A process that was stopped for longer is no member any more, whatever it believes.
   */
  readonly alive: boolean
  /** What the group knows us by, once we have joined. */
  readonly member_id: string | undefined
  /** Fetches from these offsets. To be called once after each `assigned`. */
  begin(offsets: ReadonlyMap<number, bigint>): void
  seek(offsets: ReadonlyMap<number, bigint>): void
  pause(): void
  resume(): void
  /** Leaves the group. */
  end(): Promise<void>
}

/**
 * A member by a kafkajs consumer, which joins, heartbeats and fetches by itself, and never commits. Heartbeats come from
 * the fetching loop, also while it is paused or waits for room, so a reader that works long on what it polled stays a
 * member.
 */
export class Membership implements Member {
  readonly #settings: KafkaSettings
  readonly #topic: string
  readonly #events: MembershipEvents
  readonly #consumer: Consumer
  #running: Promise<void> | undefined
  #member_id: string | undefined
  #ended = false
  #paused = false
  readonly #room = new Wakeup()
  #heartbeat_sent_ms = 0
  #lease_until_ms = 0

  /** @param topic and @param group as Kafka calls them */
  constructor(settings: KafkaSettings, topic: string, group: string, events: MembershipEvents) {
    this.#settings = settings
    this.#topic = topic
    this.#events = events
    const { limits } = settings
    this.#consumer = kafkajsClient(settings, (partition) => this.#tell(() => events.strayed(partition))).consumer({
      groupId: group,
      allowAutoTopicCreation: false,
      sessionTimeout: limits.session_ms,
      heartbeatInterval: limits.heartbeat_ms,
      rebalanceTimeout: limits.rebalance_ms,
      metadataMaxAge: limits.topic_check_ms,
      maxBytes: limits.fetch_bytes,
      maxBytesPerPartition: limits.fetch_partition_bytes,
      maxWaitTimeInMs: limits.fetch_wait_ms,
      // Its own restarts keep its state; a new client is surer.
      retry: { restartOnFailure: async () => false },
    })
    this.#listen()
  }

  start(): void {
    this.#running ??= this.#run().catch((error) => this.#lose(error))
  }

  get alive(): boolean {
    return performance.now() < this.#lease_until_ms
  }

  get member_id(): string | undefined {
    return this.#member_id
  }

  begin(offsets: ReadonlyMap<number, bigint>): void {
    this.seek(offsets)
    this.resume()
  }

  seek(offsets: ReadonlyMap<number, bigint>): void {
    for (const [partition, offset] of offsets)
      this.#consumer.seek({ topic: this.#topic, partition, offset: offset.toString() })
  }

  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#consumer.pause([{ topic: this.#topic }])
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#consumer.resume([{ topic: this.#topic }])
    this.#room.notify()
  }

  async end(): Promise<void> {
    this.#ended = true
    this.#room.notify()
    // A consumer that is disconnected while it joins would join all the same, so joining is waited for: here for a
    // while, and however long it takes behind the scenes.
    const left = (this.#running ?? Promise.resolve())
      .then(() => this.#consumer.disconnect())
      .catch((error) => {
        this.#settings.logger.debug({ err: error }, 'closing a Kafka consumer failed')
      })
    await Promise.race([left, sleep(LEAVE_MS, undefined, { ref: false })])
  }

  async #run(): Promise<void> {
    await this.#consumer.connect()
    if (this.#ended) return
    await this.#consumer.subscribe({ topic: this.#topic, fromBeginning: true })
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => this.#fetched(payload),
    })
  }

  #listen(): void {
    const { events } = this.#consumer
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => {
      this.#member_id = payload.memberId
      this.#paused = false
      this.pause()
      this.#renewLease(Date.now())
      this.#tell(() => this.#events.assigned(payload.memberAssignment[this.#topic] ?? []))
    })
    this.#consumer.on(events.REBALANCING, () => this.#tell(() => this.#events.rebalancing()))
    this.#consumer.on(events.REQUEST, ({ payload }) => {
      if (payload.apiName === 'Heartbeat') this.#heartbeat_sent_ms = payload.sentAt
    })
    this.#consumer.on(events.HEARTBEAT, () => {
      this.#renewLease(this.#heartbeat_sent_ms)
      this.#tell(() => this.#events.heard())
    })
    this.#consumer.on(events.CRASH, ({ payload }) => this.#lose(payload.error))
  }

  #lose(error: unknown): void {
    const reading = `reading from Kafka at ${this.#settings.brokers.join(', ')}`
    this.#tell(() => this.#events.lost(logErrorOf(error, reading), isPassingOfGroup(error)))
  }

  /** @param heard_ms when the coordinator was last spoken to, by the wall clock */
  #renewLease(heard_ms: number): void {
    const ago = Math.max(0, Date.now() - heard_ms)
    this.#lease_until_ms = performance.now() - ago + this.#settings.limits.session_ms
  }

  async #fetched({ batch, resolveOffset, isRunning, isStale, heartbeat }: EachBatchPayload): Promise<void> {
    if (this.#ended || !isRunning() || isStale()) return
    const last = batch.lastOffset()
    const taken = this.#events.fetched({
      partition: batch.partition,
      from: fetchedOffset(batch),
      records: batch.messages.map(({ offset, value, headers }) => ({
        offset: BigInt(offset),
        value: value ?? EMPTY,
        epoch: bytesOf(headers?.[EPOCH_HEADER]),
      })),
      next: BigInt(last) + 1n,
    })
    if (taken) resolveOffset(last)
    if (this.#paused) await this.#awaitRoom(heartbeat)
  }

  /**
   * kafkajs looks only each `fetch_wait_ms` whether what was paused goes on. For room to be used at once it is awaited
   * here, though no longer than the group may wait for the next heartbeat. The one before throws while the group agrees
   * anew, so that what else was fetched does not wait, too.
   */
  async #awaitRoom(heartbeat: () => Promise<void>): Promise<void> {
    await heartbeat()
    const { heartbeat_ms, session_ms } = this.#settings.limits
    // Meanwhile it may have gone on or ended.
    if (this.#paused && !this.#ended) await this.#room.wait(Math.min(heartbeat_ms, session_ms / SESSION_PART))
  }

  #tell(tell: () => void): void {
    if (!this.#ended) tell()
  }
}

const LEAVE_MS = 5_000
/** A wait is at most this part of a session. */
const SESSION_PART = 4
const EMPTY = new Uint8Array()

function bytesOf(header: IHeaders[string]): Buffer | undefined {
  const first = Array.isArray(header) ? header[0] : header
  return typeof first === 'string' ? Buffer.from(first) : first
}

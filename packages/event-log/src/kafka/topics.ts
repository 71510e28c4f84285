import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigResourceTypes, IncrementalAlterConfigOperationTypes, ListOffsetTimestamps } from '@platformatic/kafka'
import { LogError, type PartitionOffsets, type TopicOptions, type TruncateOptions } from '../event-log.ts'
import type { KafkaAdmin } from './admin.ts'
import { type KafkaSettings, topicName } from './settings.ts'

const READY_WITHIN_MS = 30_000
const READY_CHECK_MS = 100
const FIND_TRIES = 4

interface Topic {
  /** Kafka's own id, which no other topic ever gets, not even one of the same name. */
  id: string
  partitions: number
}

/**
 * The topics of one log. The first look at a topic remembers its id; when it is another one later, or gone, everything
 * that uses the topic gets the error `replaced`: the lake's offsets mean nothing there any more.
 */
export class KafkaTopics {
  readonly #settings: KafkaSettings
  readonly #admin: KafkaAdmin
  readonly #known = new Map<string, Topic & { checked_ms: number }>()

  constructor(settings: KafkaSettings, admin: KafkaAdmin) {
    this.#settings = settings
    this.#admin = admin
  }

  async ensure(topic: string, options: TopicOptions): Promise<void> {
    const name = topicName(this.#settings, topic)
    const wanted = this.#configs(options)
    const found = await this.#find(name)
    if (!found) {
      if (this.#known.has(topic)) throw this.#replaced(topic, 'is gone')
      await this.#create(name, options.partitions, wanted)
    } else {
      await this.#configure(name, wanted)
      if (found.partitions < options.partitions) await this.#grow(name, options.partitions)
    }
    await this.#ready(name, options.partitions)
    await this.check(topic)
  }

  /** Looks at the topic if nobody has for `max_age_ms`. @throws LogError `unknown_topic`, `replaced` */
  async check(topic: string, max_age_ms = 0): Promise<Topic> {
    const known = this.#known.get(topic)
    if (known && max_age_ms > 0 && performance.now() - known.checked_ms < max_age_ms) return known
    const found = await this.#find(topicName(this.#settings, topic))
    if (!found && known) throw this.#replaced(topic, 'is gone')
    if (!found)
      throw new LogError('unknown_topic', `there is no topic ${topicName(this.#settings, topic)}: create it first`)
    if (known && known.id !== found.id) throw this.#replaced(topic, 'was made anew')
    this.#known.set(topic, { ...found, checked_ms: performance.now() })
    return found
  }

  async offsets(topic: string): Promise<PartitionOffsets[]> {
    const { partitions } = await this.check(topic)
    const name = topicName(this.#settings, topic)
    // In this order, so that an offset which is valid between the two questions is within the answer.
    const earliest = await this.#list(name, partitions, ListOffsetTimestamps.EARLIEST)
    const end = await this.#list(name, partitions, ListOffsetTimestamps.LATEST)
    return Array.from({ length: partitions }, (_, partition) => {
      const first = earliest.get(partition)
      const next = end.get(partition)
      if (first === undefined || next === undefined)
        throw new LogError('failed', `Kafka told no offsets of ${name}, partition ${partition}: try again`, {
          retryable: true,
        })
      return { partition, earliest: first, end: next }
    })
  }

  async truncate(
    topic: string,
    before: readonly { partition: number; offset: bigint }[],
    { keep_ms = 0 }: TruncateOptions = {},
  ): Promise<void> {
    if (before.length === 0) return
    const since = BigInt(Math.max(0, Date.now() - keep_ms))
    const known = await this.offsets(topic)
    const name = topicName(this.#settings, topic)
    const young = keep_ms > 0 ? await this.#list(name, known.length, since) : new Map<number, bigint>()
    const partitions = before.flatMap(({ partition, offset }) => cutOf(known[partition], offset, young.get(partition)))
    if (partitions.length === 0) return
    await this.#admin.ask(`deleting records of ${name}`, (admin) =>
      admin.deleteRecords({ topics: [{ name, partitions }] }),
    )
  }

  /** The client's own tries would also try again for topics that are not there, so they are made here. */
  async #find(name: string): Promise<Topic | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#admin.ask(`looking for topic ${name}`, async (admin) => {
          const { topics } = await admin.metadata({ topics: [name], forceUpdate: true, retries: 0 })
          const found = topics.get(name)
          if (found?.id === name)
            throw new LogError('failed', 'expected a Kafka that knows topic ids: Kafka 3.0 or newer is needed')
          return found && { id: found.id, partitions: found.partitionsCount }
        })
      } catch (error) {
        if (!(error instanceof LogError)) throw error
        if (error.code === 'unknown_topic') return undefined
        if (!error.retryable || tries === FIND_TRIES) throw error
        await sleep(READY_CHECK_MS * tries)
      }
    }
  }

  async #create(name: string, partitions: number, configs: ReadonlyMap<string, string>): Promise<void> {
    const brokers = await this.#admin.ask('looking for brokers', async (admin) => {
      const { brokers } = await admin.metadata({ topics: [], forceUpdate: true })
      return brokers.size
    })
    const replicas = this.#settings.replication ?? Math.max(1, Math.min(3, brokers))
    const all = new Map([...configs, ['min.insync.replicas', replicas >= 3 ? '2' : '1']])
    await this.#admin
      .ask(`creating topic ${name}`, (admin) =>
        admin.createTopics({
          topics: [name],
          partitions,
          replicas,
          configs: [...all].map(([name, value]) => ({ name, value })),
        }),
      )
      .catch(unless(/TOPIC_ALREADY_EXISTS|already exists/))
  }

  async #grow(name: string, count: number): Promise<void> {
    await this.#admin
      .ask(`adding partitions to ${name}`, (admin) =>
        admin.createPartitions({ topics: [{ name, count, assignments: null }] }),
      )
      .catch(unless(/INVALID_PARTITIONS|already has/))
  }

  /** Makes the settings that records depend on what they should be. */
  async #configure(name: string, wanted: ReadonlyMap<string, string>): Promise<void> {
    const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: name }
    const [description] = await this.#admin.ask(`reading the configuration of ${name}`, (admin) =>
      admin.describeConfigs({ resources: [{ ...resource, configurationKeys: [...wanted.keys()] }] }),
    )
    const actual = new Map(description?.configs.map((config) => [config.name, config.value ?? '']))
    const differing = [...wanted].filter(([key, value]) =>
      key === 'max.message.bytes' ? Number(actual.get(key)) < Number(value) : actual.get(key) !== value,
    )
    if (differing.length === 0) return
    this.#settings.logger.warn(
      {
        topic: name,
        from: differing.map(([key]) => `${key}=${actual.get(key)}`),
        to: differing.map((pair) => pair.join('=')),
      },
      'correcting the configuration of a topic',
    )
    await this.#admin.ask(`configuring ${name}`, (admin) =>
      admin.incrementalAlterConfigs({
        resources: [
          {
            ...resource,
            configs: differing.map(([key, value]) => ({
              name: key,
              value,
              configOperation: IncrementalAlterConfigOperationTypes.SET,
            })),
          },
        ],
      }),
    )
  }

  #configs({ retention_ms }: TopicOptions): Map<string, string> {
    const { batch_bytes, record_bytes } = this.#settings.limits
    return new Map([
      ['cleanup.policy', 'delete'],
      ['retention.ms', String(retention_ms ?? -1)],
      ['retention.bytes', '-1'],
      ['max.message.bytes', String(Math.max(batch_bytes, record_bytes) + ROOM_FOR_FRAMES_BYTES)],
      // Retention by the brokers' clocks: a producer whose clock is wrong must not have its records removed.
      ['message.timestamp.type', 'LogAppendTime'],
    ])
  }

  /** Waits until every partition has a leader. */
  async #ready(name: string, partitions: number): Promise<void> {
    const until = performance.now() + READY_WITHIN_MS
    for (;;) {
      const ready = await this.#admin
        .ask(`looking for topic ${name}`, async (admin) => {
          const { topics } = await admin.metadata({ topics: [name], forceUpdate: true, retries: 0 })
          return topics.get(name)?.partitions.filter(({ leader }) => leader >= 0).length ?? 0
        })
        .catch((error) => {
          if (error instanceof LogError && error.code === 'unknown_topic') return 0
          throw error
        })
      if (ready >= partitions) return
      if (performance.now() > until)
        throw new LogError(
          'failed',
          `expected leaders for ${partitions} partitions of ${name} within ${READY_WITHIN_MS} ms; ${ready} have one`,
          { retryable: true },
        )
      await sleep(READY_CHECK_MS)
    }
  }

  async #list(name: string, partitions: number, timestamp: bigint): Promise<Map<number, bigint>> {
    const topics = await this.#admin.ask(`listing offsets of ${name}`, (admin) =>
      admin.listOffsets({
        topics: [
          {
            name,
            partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp })),
          },
        ],
      }),
    )
    return new Map(
      topics.flatMap((topic) => topic.partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset])),
    )
  }

  #replaced(topic: string, how: string): LogError {
    return new LogError(
      'replaced',
      `topic ${topicName(this.#settings, topic)} ${how}, so the offsets known of it mean nothing: open the log with a new epoch and refill it from the raw zone`,
    )
  }
}

/**
 * Where a partition is to begin, if that is behind where it does.
 * @param young offset of the first record that is to stay for its age; negative if none is
 */
function cutOf(
  known: PartitionOffsets | undefined,
  before: bigint,
  young = -1n,
): { partition: number; offset: bigint }[] {
  // An offset beyond the end is of another log: whoever reads there finds out.
  if (!known || before > known.end) return []
  const offset = young >= 0n && young < before ? young : before
  return offset > known.earliest ? [{ partition: known.partition, offset }] : []
}

/** Headers, keys and lengths around the values of a batch. */
const ROOM_FOR_FRAMES_BYTES = 1024 ** 2

/** Somebody else was faster. */
function unless(expected: RegExp): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof Error && expected.test(chainOf(error)))) throw error
  }
}

function chainOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const nested = error instanceof AggregateError ? error.errors.map(chainOf).join(' ') : ''
  const id = 'apiId' in error ? String(error.apiId) : ''
  return `${error.message} ${id} ${nested} ${chainOf(error.cause)}`
}

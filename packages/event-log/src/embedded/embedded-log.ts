import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type ConsumerOptions, type EventLog, LogError, type LogProducer, type TopicOptions } from '../event-log.ts'
import { EmbeddedConsumer } from './consumer.ts'
import { Group } from './group.ts'
import { Topic, type TopicLimits } from './topic.ts'

export const EMBEDDED_LOG_LIMITS: TopicLimits = {
  segment_bytes: 64 * 1024 ** 2,
  record_limit_bytes: 64 * 1024 ** 2,
  block_bytes: 8 * 1024 ** 2,
}

/** A durable log in a folder, for one process: the caller makes sure that there is only one. Retention is by `truncate`. */
export async function openEmbeddedLog(options: { path: string; limits?: Partial<TopicLimits> }): Promise<EventLog> {
  const limits = { ...EMBEDDED_LOG_LIMITS, ...options.limits }
  const topics = new Map<string, { topic: Topic; groups: Map<string, Group> }>()
  const consumers = new Set<EmbeddedConsumer>()
  let closed = false

  async function open(name: string, partitions: number) {
    if (!/^[A-Za-z0-9._-]{1,200}$/.test(name))
      throw new LogError(
        'failed',
        `expected a topic name of letters, digits, dots, dashes and underscores; got ${JSON.stringify(name)}`,
      )
    const entry = {
      topic: await Topic.open(join(options.path, name), limits, partitions),
      groups: new Map<string, Group>(),
    }
    topics.set(name, entry)
    return entry
  }
  function known(name: string) {
    if (closed) throw new LogError('closed', 'the log was closed')
    const entry = topics.get(name)
    if (!entry)
      throw new LogError(
        'unknown_topic',
        `there is no topic ${name}; there are ${[...topics.keys()].join(', ') || 'none'}`,
      )
    return entry
  }

  for (const name of await readdir(options.path).catch(() => [])) await open(name, 0)

  return {
    async ensureTopic(name: string, { partitions }: TopicOptions) {
      const entry = topics.get(name)
      if (!entry) await open(name, partitions)
      else if (partitions > entry.topic.partitions) {
        await entry.topic.grow(partitions)
        for (const group of entry.groups.values()) group.rebalance()
      }
    },
    offsets: async (name) => known(name).topic.offsets(),
    identity: async (name) => known(name).topic.id,
    async producer(): Promise<LogProducer> {
      return { send: async (name, records) => known(name).topic.append(records), close: async () => undefined }
    },
    async consumer(consumerOptions: ConsumerOptions) {
      const { topic, groups } = known(consumerOptions.topic)
      const group =
        (consumerOptions.group !== undefined && groups.get(consumerOptions.group)) ||
        new Group(
          () => topic.partitions,
          () => topic.wake(),
        )
      groups.set(consumerOptions.group ?? `alone-${groups.size}`, group)
      const consumer = new EmbeddedConsumer(topic, consumerOptions, group.join())
      consumers.add(consumer)
      return consumer
    },
    async truncate(name, before) {
      await known(name).topic.truncate(new Map(before.map(({ partition, offset }) => [partition, offset])))
    },
    async close() {
      closed = true
      for (const consumer of consumers) await consumer.close()
      for (const { topic } of topics.values()) await topic.close()
    },
  }
}

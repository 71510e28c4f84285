import { randomUUID } from 'node:crypto'
import { type ConsumerOptions, type EventLog, LogError, type LogProducer } from '../event-log.ts'
import { connectionOptions, KafkaAdmin } from './admin.ts'
import { KafkaConsumer, type KafkaConsumerParts } from './consumer.ts'
import { mismatch } from './listener.ts'
import { Membership } from './membership.ts'
import { KafkaProducer } from './producer.ts'
import { groupName, type KafkaLogOptions, settingsOf, topicName } from './settings.ts'
import { KafkaTopics } from './topics.ts'

export { type KafkaNotices, type KafkaNoticesOptions, kafkaNotices } from './notices.ts'
export {
  KAFKA_LOG_LIMITS,
  type KafkaLogger,
  type KafkaLogLimits,
  type KafkaLogOptions,
  type KafkaSasl,
} from './settings.ts'

/**
 * The log on Kafka (3.0 or newer). Topics are named `prefix.topic.epoch`, groups `prefix.group.topic.epoch`.
 * @throws LogError `unreachable`, `unauthorized`, or `failed` where a setting is wrong
 */
export async function openKafkaLog(options: KafkaLogOptions): Promise<EventLog> {
  const settings = settingsOf(options)
  const admin = new KafkaAdmin(settings)
  const topics = new KafkaTopics(settings, admin)
  const open = new Set<KafkaConsumer | KafkaProducer>()
  let closed = false
  const stillOpen = () => {
    if (closed) throw new LogError('closed', 'the log was closed')
  }
  const keep = (part: KafkaConsumer | KafkaProducer) => {
    for (const former of open) if (former.closed) open.delete(former)
    open.add(part)
  }
  try {
    await admin.ask('connecting to Kafka', (client) => client.metadata({ topics: [], retries: 1 }))
  } catch (error) {
    await admin.close()
    throw (await mismatch(error, settings, connectionOptions(settings))) ?? error
  }

  return {
    ensureTopic: (topic, topicOptions) => topics.ensure(topic, topicOptions),
    offsets: (topic) => topics.offsets(topic),
    identity: async (topic) => (await topics.check(topic)).id,
    truncate: (topic, before, truncateOptions) => topics.truncate(topic, before, truncateOptions),
    async producer(): Promise<LogProducer> {
      stillOpen()
      const producer = await new KafkaProducer(settings, topics).open()
      keep(producer)
      return producer
    },
    async consumer(consumerOptions: ConsumerOptions) {
      stillOpen()
      await topics.check(consumerOptions.topic)
      const { topic, group = `alone-${randomUUID()}` } = consumerOptions
      const groupId = groupName(settings, topic, group)
      const parts: KafkaConsumerParts = {
        topics,
        join: (events) => new Membership(settings, topicName(settings, topic), groupId, events),
        forget: (memberId) =>
          admin.ask(`removing a former member from ${groupId}`, (client) =>
            client.removeMembersFromConsumerGroup({ groupId, members: [{ memberId }] }),
          ),
      }
      const consumer = new KafkaConsumer(settings, parts, consumerOptions)
      keep(consumer)
      return consumer
    },
    async close() {
      closed = true
      await Promise.all([...open].map((part) => part.close()))
      await admin.close()
    },
  }
}

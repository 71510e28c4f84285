import { type MessageToProduce, ProduceAcks, Producer } from '@platformatic/kafka'
import { platformaticOptions } from './admin.ts'
import type { ProducerClient } from './producer-client.ts'
import { EPOCH_HEADER, type KafkaSettings, topicName } from './settings.ts'

/**
 * A record for a partition that its metadata does not show yet, this client would write to another one (the number modulo
 * the partitions it knows). Such records are left out, and therefore sent again, until it knows their partition.
 */
export async function openPlatformaticProducer(settings: KafkaSettings): Promise<ProducerClient> {
  const headers = new Map([[Buffer.from(EPOCH_HEADER), Buffer.from(settings.epoch)]])
  const producer = new Producer({
    ...platformaticOptions(settings),
    idempotent: true,
    acks: ProduceAcks.ALL,
    compression: settings.compression,
  })
  try {
    await producer.initIdempotentProducer({})
  } catch (error) {
    await producer.close()
    throw error
  }
  return {
    async produce(records) {
      const topics = new Map([...records.keys()].map((topic) => [topicName(settings, topic), topic]))
      const partitions = await partitionsOf([...topics.keys()], (name) =>
        (records.get(topics.get(name) ?? name) ?? []).reduce(
          (highest, { partition }) => Math.max(highest, partition),
          0,
        ),
      )
      const messages: MessageToProduce<Buffer, Buffer, Buffer, Buffer>[] = []
      for (const [name, topic] of topics)
        for (const { partition, key, value } of records.get(topic) ?? []) {
          if (partition >= (partitions.get(name) ?? 0)) continue
          messages.push({
            topic: name,
            partition,
            ...(key !== undefined && { key: Buffer.from(key) }),
            value: Buffer.from(value.buffer, value.byteOffset, value.length),
            headers,
          })
        }
      if (messages.length === 0) return []
      const { offsets = [] } = await producer.send({ messages })
      return offsets.map(({ topic: name, partition }) => ({ topic: topics.get(name) ?? name, partition }))
    },
    close: () => producer.close(),
  }

  /** How many partitions the client knows of each topic, after a fresh look if it doesn't know the highest. */
  async function partitionsOf(names: string[], highest: (name: string) => number): Promise<Map<string, number>> {
    const known = () =>
      new Map(names.map((name) => [name, producer.currentMetadata?.topics.get(name)?.partitionsCount ?? 0]))
    if ([...known()].some(([name, count]) => highest(name) >= count))
      await producer.metadata({ topics: names, forceUpdate: true })
    return known()
  }
}

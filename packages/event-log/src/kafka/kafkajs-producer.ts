import kafkajs from 'kafkajs'
import { kafkajsClient, SEND_RETRY } from './kafkajs-client.ts'
import type { ProducerClient } from './producer-client.ts'
import { EPOCH_HEADER, type KafkaSettings, topicName } from './settings.ts'

const COMPRESSION = {
  zstd: kafkajs.CompressionTypes.ZSTD,
  gzip: kafkajs.CompressionTypes.GZIP,
  none: kafkajs.CompressionTypes.None,
} as const

export async function openKafkajsProducer(settings: KafkaSettings): Promise<ProducerClient> {
  const headers = { [EPOCH_HEADER]: Buffer.from(settings.epoch) }
  const producer = kafkajsClient(settings).producer({
    idempotent: true,
    allowAutoTopicCreation: false,
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition ?? 0,
    retry: SEND_RETRY,
  })
  await producer.connect()
  return {
    async produce(records) {
      const topics = new Map([...records.keys()].map((topic) => [topicName(settings, topic), topic]))
      const results = await producer.sendBatch({
        acks: -1,
        compression: COMPRESSION[settings.compression],
        topicMessages: [...topics].map(([name, topic]) => ({
          topic: name,
          messages: (records.get(topic) ?? []).map(({ partition, key, value }) => ({
            partition,
            ...(key !== undefined && { key }),
            value: Buffer.from(value.buffer, value.byteOffset, value.length),
            headers,
          })),
        })),
      })
      return results
        .filter(({ errorCode }) => errorCode === 0)
        .map(({ topicName: name, partition }) => ({ topic: topics.get(name) ?? name, partition }))
    },
    close: () => producer.disconnect(),
  }
}

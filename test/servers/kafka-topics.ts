import { Kafka, logLevel } from 'kafkajs'

/** Deletes the topics whose names begin so. */
export async function deleteTopics(brokers: string, prefix: string): Promise<void> {
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
    await admin.deleteTopics({ topics })
  } finally {
    await admin.disconnect()
  }
}

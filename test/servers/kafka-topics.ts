import { type Admin, Kafka, logLevel } from 'kafkajs'

/** Deletes the topics whose names begin so. @returns their names */
export function deleteTopics(brokers: string, prefix: string): Promise<string[]> {
  return asked(brokers, async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
    await admin.deleteTopics({ topics })
    return topics
  })
}

/** Makes topics, empty, as soon as Kafka has forgotten those of the same names. */
export function makeTopics(brokers: string, names: readonly string[], partitions: number): Promise<void> {
  return asked(brokers, async (admin) => {
    const topics = names.map((topic) => ({ topic, numPartitions: partitions, replicationFactor: 1 }))
    // False: one of this name is still there, being deleted.
    // Leaders are not waited for: kafkajs takes a broker that has not heard of the topic yet for an error.
    while (!(await admin.createTopics({ topics, waitForLeaders: false })));
  })
}

/** Takes all records out of the topics whose names begin so; the next offsets stay. */
export function cutTopics(brokers: string, prefix: string): Promise<void> {
  return asked(brokers, async (admin) => {
    for (const topic of (await admin.listTopics()).filter((name) => name.startsWith(prefix))) {
      const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition, high: offset }) => ({
        partition,
        offset,
      }))
      await admin.deleteTopicRecords({ topic, partitions })
    }
  })
}

async function asked<T>(brokers: string, ask: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    return await ask(admin)
  } finally {
    await admin.disconnect()
  }
}

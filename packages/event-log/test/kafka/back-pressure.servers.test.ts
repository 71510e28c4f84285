import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { describeServer, kafkaEndpoint } from '../../../../test/servers/endpoints.ts'
import type { EventLog } from '../../src/index.ts'
import { type KafkaLogLimits, openKafkaLog } from '../../src/kafka/kafka-log.ts'

await describeServer('back-pressure of the log on Kafka', kafkaEndpoint, ({ brokers }) => {
  const epoch = randomUUID()
  const opened: EventLog[] = []
  const open = async (limits?: Partial<KafkaLogLimits>) => {
    const log = await openKafkaLog({ brokers: brokers.split(','), clientId: 'back-pressure', epoch, limits })
    opened.push(log)
    return log
  }
  afterEach(async () => {
    for (const log of opened.splice(0)) await log.close()
  })

  it('for a reader that is behind each poll has records: room is used when it comes, not when the client looks', async () => {
    const log = await open()
    await log.ensureTopic('t', { partitions: 2 })
    const producer = await log.producer()
    const sent = Array.from({ length: 40 }, (_, i) => `${i}`)
    for (const text of sent)
      await producer.send('t', [{ partition: Number(text) % 2, value: Buffer.from(text.padEnd(1_000)) }])
    const limits = { buffer_bytes: 2_000, fetch_partition_bytes: 1_000, fetch_wait_ms: 4_000 }
    const small = await open(limits)
    const consumer = await small.consumer({
      topic: 't',
      startFrom: async (partitions) => new Map(partitions.map((one) => [one.partition, one.earliest])),
    })
    const poll = async (max_wait_ms: number) =>
      (await consumer.poll({ max_records: 1_000, max_bytes: 1_000_000, max_wait_ms })).records.map((one) =>
        Buffer.from(one.value).toString().trim(),
      )
    const seen = await poll(20_000)
    while (seen.length < sent.length) {
      // Meanwhile the buffer fills up.
      await sleep(200)
      const more = await poll(2_000)
      expect(more).not.toEqual([])
      seen.push(...more)
    }
    expect(seen.sort()).toEqual(sent.sort())
  })
})

import { randomUUID } from 'node:crypto'
import { describeServer, kafkaEndpoint } from '../../../../test/servers/endpoints.ts'
import { openKafkaLog } from '../../src/kafka/kafka-log.ts'
import { contractOfEventLog } from '../contract.ts'

await describeServer('the log on Kafka', kafkaEndpoint, ({ brokers }) => {
  for (const producer of ['kafkajs', 'platformatic'] as const)
    contractOfEventLog(`the log on Kafka, sending by ${producer}`, async () => {
      const options = { brokers: brokers.split(','), clientId: 'contract', epoch: randomUUID(), producer }
      let log = await openKafkaLog(options)
      return {
        log,
        reopen: async () => {
          await log.close()
          log = await openKafkaLog(options)
          return log
        },
        end: () => log.close(),
      }
    })
})

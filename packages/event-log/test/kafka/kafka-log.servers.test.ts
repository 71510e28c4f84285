import { randomUUID } from 'node:crypto'
import { describeServer, kafkaEndpoint } from '../../../../test/servers/endpoints.ts'
import { openKafkaLog } from '../../src/kafka/kafka-log.ts'
import { contractOfEventLog } from '../contract.ts'

await describeServer('the log on Kafka', kafkaEndpoint, ({ brokers }) => {
  contractOfEventLog('the log on Kafka', async () => {
    const options = { brokers: brokers.split(','), clientId: 'contract', epoch: randomUUID() }
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

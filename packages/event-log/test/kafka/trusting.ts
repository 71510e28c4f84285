import { openKafkaLog } from '../../src/kafka/kafka-log.ts'

/** A process that opens the log by TLS on the broker it is given, trusting whom Node trusts. */
const [broker = ''] = process.argv.slice(2)
const log = await openKafkaLog({ brokers: [broker], clientId: 'trusting', epoch: 'trusting', ssl: true })
await log.close()

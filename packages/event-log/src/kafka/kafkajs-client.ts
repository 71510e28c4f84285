import kafkajs, { type Kafka, type LogEntry, type RetryOptions } from 'kafkajs'
import { mendKafkajs, OFFSET_RESET, RETRIES_WARNING } from './kafkajs-defects.ts'
import type { KafkaSettings } from './settings.ts'

/** Five more tries within about 6 s; whoever used the client then makes another. */
const RETRY: RetryOptions = { initialRetryTime: 200, factor: 0.2, multiplier: 2, maxRetryTime: 2_000, retries: 5 }
/** Of a batch: as many as a restart of a broker needs. The sender has a time limit of its own. */
export const SEND_RETRY: RetryOptions = { ...RETRY, retries: 15 }

/**
 * A kafkajs client of its own, for one producer or one member.
 * @param offset_reset called right before kafkajs leaves the offset of a partition for another one
 */
export function kafkajsClient(settings: KafkaSettings, offset_reset?: (partition: number) => void): Kafka {
  mendKafkajs()
  const { brokers, clientId, sasl, ssl, limits, logger } = settings
  return new kafkajs.Kafka({
    clientId,
    brokers: [...brokers],
    ssl,
    // A copy: kafkajs keeps its authenticator in it.
    sasl: sasl && { ...sasl },
    connectionTimeout: limits.connect_ms,
    authenticationTimeout: limits.connect_ms,
    requestTimeout: limits.request_ms,
    retry: RETRY,
    logLevel: kafkajs.logLevel.WARN,
    logCreator: () => (entry) => report(entry),
  })

  /** What kafkajs calls errors are mostly tries that it repeats: the caller hears of those that matter. */
  function report({ namespace, log: { message, partition, error, broker, groupId } }: LogEntry): void {
    if (message === RETRIES_WARNING) return
    if (message === OFFSET_RESET) offset_reset?.(Number(partition))
    logger.debug({ kafkajs: namespace, partition, error, broker, group: groupId }, `kafkajs: ${message}`)
  }
}

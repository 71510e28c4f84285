import type { ConnectionOptions } from 'node:tls'
import { LogError } from '../event-log.ts'

/** What the log on Kafka reports with: pino, or anything that takes fields and a message. */
export interface KafkaLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

type Login<Mechanism> = { mechanism: Mechanism; username: string; password: string }
export type KafkaSasl = Login<'plain'> | Login<'scram-sha-256'> | Login<'scram-sha-512'>

/** As Kafka calls them. */
export const SASL_MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const

export interface KafkaLogOptions {
  /** `host:port` of some brokers; the others are learnt from them. */
  brokers: readonly string[]
  /** Names this process to the brokers, in their logs and quotas. */
  clientId: string
  /**
   * Names the life of the log that the lake's offsets belong to: 1 to 60 of letters, digits, dashes, underscores. It
   * stands in the name of each topic and group and in each record's header, so that another life never is taken for it.
   */
  epoch: string
  /** Begins the names of topics and groups: for access rules, and for several lakes on one Kafka. Default `sluice`. */
  prefix?: string
  sasl?: KafkaSasl
  /** `true`: TLS by the authorities that Node trusts, those of `NODE_EXTRA_CA_CERTS` among them. */
  ssl?: boolean | ConnectionOptions
  /** Of produced batches. Default `zstd`. */
  compression?: 'zstd' | 'gzip' | 'none'
  /**
   * Which client sends: `kafkajs`, or `platformatic`, which needs less than half of the processor time. Default
   * `kafkajs`.
   */
  producer?: 'kafkajs' | 'platformatic'
  /** Copies of each partition of topics made from now on. Default: 3, or as many as there are brokers. */
  replication?: number
  logger?: KafkaLogger
  limits?: Partial<KafkaLogLimits>
}

export interface KafkaLogLimits {
  connect_ms: number
  request_ms: number
  /** A batch that is not acknowledged after this long has failed. */
  send_ms: number
  /** A batch waits this long for more records where none is under way; what comes while one is, is the next one. */
  linger_ms: number
  /** Uncompressed bytes and records that one produced batch gathers. */
  batch_bytes: number
  batch_records: number
  /** A larger record is refused. Topics are made to take batches of this size. */
  record_bytes: number
  /** Records waiting to be sent; more are refused until some are sent. */
  queue_bytes: number
  /** Fetching pauses while this much waits to be polled; what one more fetch decompresses to may come on top. */
  buffer_bytes: number
  /** Of a fetch from one broker, and in it of one partition, as compressed; a larger batch comes alone. */
  fetch_bytes: number
  fetch_partition_bytes: number
  /** A fetch without news returns after this long. */
  fetch_wait_ms: number
  /** A member that was silent for so long has lost its partitions. Kafka wants at least 6 s unless told otherwise. */
  session_ms: number
  heartbeat_ms: number
  rebalance_ms: number
  /** How often a topic in use is checked to be the same topic still, and partitions added meanwhile are found. */
  topic_check_ms: number
}

export const KAFKA_LOG_LIMITS: KafkaLogLimits = {
  connect_ms: 5_000,
  request_ms: 20_000,
  send_ms: 30_000,
  linger_ms: 0,
  batch_bytes: 1024 ** 2,
  batch_records: 10_000,
  record_bytes: 32 * 1024 ** 2,
  queue_bytes: 64 * 1024 ** 2,
  buffer_bytes: 10 * 1024 ** 2,
  fetch_bytes: 1024 ** 2,
  fetch_partition_bytes: 64 * 1024,
  fetch_wait_ms: 200,
  session_ms: 15_000,
  heartbeat_ms: 1_000,
  rebalance_ms: 30_000,
  topic_check_ms: 5_000,
}

/** The options with every default filled in. */
export interface KafkaSettings
  extends Required<
      Pick<KafkaLogOptions, 'brokers' | 'clientId' | 'epoch' | 'prefix' | 'compression' | 'producer' | 'logger'>
    >,
    Pick<KafkaLogOptions, 'sasl' | 'ssl' | 'replication'> {
  limits: KafkaLogLimits
}

const SILENT: KafkaLogger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

export function settingsOf(options: KafkaLogOptions): KafkaSettings {
  const settings: KafkaSettings = {
    brokers: options.brokers,
    clientId: options.clientId,
    epoch: options.epoch,
    prefix: options.prefix ?? 'sluice',
    sasl: options.sasl,
    ssl: options.ssl,
    replication: options.replication,
    compression: options.compression ?? 'zstd',
    producer: options.producer ?? 'kafkajs',
    logger: options.logger ?? SILENT,
    limits: { ...KAFKA_LOG_LIMITS, ...options.limits },
  }
  const named = (what: string, value: string, pattern: RegExp, wanted: string) => {
    if (!pattern.test(value))
      throw new LogError('failed', `expected ${what} of ${wanted}; got ${JSON.stringify(value)}`)
  }
  if (settings.brokers.length === 0) throw new LogError('failed', 'expected at least one Kafka broker as host:port')
  for (const broker of settings.brokers)
    named('a Kafka broker', broker, /^[^\s:]+:\d+$|^\[[^\s\]]+\]:\d+$/, 'host:port')
  named('the log epoch', settings.epoch, /^[A-Za-z0-9_-]{1,60}$/, '1 to 60 letters, digits, dashes or underscores')
  named('the prefix', settings.prefix, /^[A-Za-z0-9._-]{1,80}$/, '1 to 80 letters, digits, dots, dashes or underscores')
  named('the client id', settings.clientId, /^[A-Za-z0-9._-]{1,80}$/, '1 to 80 letters, digits, dots or dashes')
  return settings
}

/** A header of each record: the life of the log that it was written to. */
export const EPOCH_HEADER = 'sluice-epoch'

/** The name of a topic in Kafka. */
export function topicName({ prefix, epoch }: KafkaSettings, topic: string): string {
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(topic))
    throw new LogError(
      'failed',
      `expected a topic name of 1 to 80 letters, digits, dashes and underscores; got ${JSON.stringify(topic)}`,
    )
  return `${prefix}.${topic}.${epoch}`
}

/** The id of a consumer group in Kafka. Members of one group must read one topic, so the epoch is in it too. */
export function groupName({ prefix, epoch }: KafkaSettings, topic: string, group: string): string {
  return `${prefix}.${group}.${topic}.${epoch}`
}

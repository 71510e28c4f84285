import { setting } from '@sluice/service'
import { z } from 'zod'

/** Settings of every process that works on a lake on servers. */
export const serverSettings = z.object({
  port: setting.int(8080, { max: 65_535 }).describe('TCP port; 0 takes a free one'),
  host: setting.text('127.0.0.1').describe('address to bind to; without API keys a loopback address only'),
  api_keys: setting.optionalText().describe('name:secret:scope+scope,…; scopes are ingest, query and admin'),
  open: setting.flag(false).describe('1: bind to any address without API keys'),
  log_level: setting.text('info').describe('error, warn, info or debug'),
  scratch: setting.text('/tmp/sluice').describe('folder for files being written and copies of objects'),
  event_types: setting.optionalText().describe('folder of your own event types'),
  memory_limit_mb: setting.int(192, { min: 64 }).describe("DuckDB's memory, in MB; it spills beyond"),
  cache_limit_mb: setting.int(4_096, { min: 64 }).describe('local copies of objects, in MB'),
  s3_endpoint: setting.optionalText().describe("http://minio:9000; none: AWS's own of the region"),
  s3_bucket: setting.text('sluice').describe('bucket of the lake'),
  s3_region: setting.optionalText().describe('region of the bucket'),
  s3_access_key: setting.optionalText().describe("access key; none: the SDK's own chain of credentials"),
  s3_secret_key: setting.optionalText().describe('secret key'),
  s3_path_style: z
    .enum(['0', '1', 'auto'], { error: 'expected 1, 0 or auto' })
    .default('auto')
    .describe("1: the bucket in the path, 0: in the host's name; auto: in the path where an endpoint is set"),
  s3_create_bucket: setting.flag(false).describe('1: make the bucket if it is missing'),
  kafka_brokers: setting.text('127.0.0.1:9092').describe('host:port,host:port'),
  kafka_username: setting.optionalText().describe('SASL user; none: no login'),
  kafka_password: setting.optionalText().describe("SASL user's password"),
  kafka_mechanism: z
    .string()
    .toLowerCase()
    .pipe(
      z.enum(['plain', 'scram-sha-256', 'scram-sha-512'], { error: 'expected plain, scram-sha-256 or scram-sha-512' }),
    )
    .default('scram-sha-512')
    .describe('SASL mechanism of the login: plain, scram-sha-256 or scram-sha-512'),
  kafka_tls: setting
    .flag(false)
    .describe('1: TLS to the brokers; a private authority: a PEM file in NODE_EXTRA_CA_CERTS'),
  kafka_replication: setting
    .int(0, { max: 9 })
    .describe('copies of each partition of new topics; 0: 3, or as many as there are brokers'),
  kafka_producer: z
    .enum(['kafkajs', 'platformatic'], { error: 'expected kafkajs or platformatic' })
    .default('kafkajs')
    .describe('client that sends to Kafka: kafkajs, or platformatic, which needs less processor time'),
  partitions: setting.int(4, { min: 1, max: 256 }).describe('partitions of the event log; can grow, never shrink'),
})

/** Of processes that pass events on. */
export const flowSettings = serverSettings.extend({
  freshness_ms: setting.int(400, { max: 60_000 }).describe('at most this long from receipt to visible, in ms'),
})

export type ServerSettings = z.infer<typeof serverSettings>

import { hostname } from 'node:os'
import type { KafkaLogOptions } from '@sluice/event-log/kafka'
import type { S3StoreOptions } from '@sluice/object-store/s3'
import { kafkaLogin, s3Credentials } from './logins.ts'
import type { ServerSettings } from './settings.ts'

/** Of the event log, by the settings. @param name of the service @throws ConfigError */
export function kafkaOptions(settings: ServerSettings, name: string): Omit<KafkaLogOptions, 'epoch'> {
  return {
    brokers: settings.kafka_brokers.split(',').map((broker) => broker.trim()),
    clientId: `sluice-${name}-${hostname()}`,
    sasl: kafkaLogin(settings),
    ssl: settings.kafka_tls,
    producer: settings.kafka_producer,
    replication: settings.kafka_replication === 0 ? undefined : settings.kafka_replication,
  }
}

/** Of the object store, by the settings. @throws ConfigError */
export function s3Options(settings: ServerSettings): S3StoreOptions {
  return {
    bucket: settings.s3_bucket,
    endpoint: settings.s3_endpoint,
    region: settings.s3_region,
    path_style: settings.s3_path_style === 'auto' ? undefined : settings.s3_path_style === '1',
    create_bucket: settings.s3_create_bucket,
    credentials: s3Credentials(settings),
  }
}

import type { KafkaSasl } from '@sluice/event-log/kafka'
import type { S3StoreOptions } from '@sluice/object-store/s3'
import { ConfigError } from '@sluice/service'
import type { ServerSettings } from './settings.ts'

/** @throws ConfigError for half a login, which would connect without any */
export function kafkaLogin({
  kafka_username: username,
  kafka_password: password,
  kafka_mechanism: mechanism,
}: Pick<ServerSettings, 'kafka_username' | 'kafka_password' | 'kafka_mechanism'>): KafkaSasl | undefined {
  if (username !== undefined && password !== undefined) return { mechanism, username, password }
  refuseHalf({ SLUICE_KAFKA_USERNAME: username, SLUICE_KAFKA_PASSWORD: password })
  return undefined
}

/** Undefined: the SDK's own chain. @throws ConfigError for half of them, which would fall to that chain in silence */
export function s3Credentials({
  s3_access_key: access_key,
  s3_secret_key: secret_key,
}: Pick<ServerSettings, 's3_access_key' | 's3_secret_key'>): S3StoreOptions['credentials'] {
  if (access_key !== undefined && secret_key !== undefined) return { access_key, secret_key }
  refuseHalf({ SLUICE_S3_ACCESS_KEY: access_key, SLUICE_S3_SECRET_KEY: secret_key })
  return undefined
}

function refuseHalf(settings: Readonly<Record<string, string | undefined>>): void {
  const names = Object.keys(settings)
  const given = names.find((name) => settings[name] !== undefined)
  const missing = names.find((name) => settings[name] === undefined)
  if (given !== undefined) throw new ConfigError(`${given} is set and ${missing} is not: set both, or neither`)
}

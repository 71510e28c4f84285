import type { KafkaSasl } from '@sluice/event-log/kafka'
import { ConfigError } from '@sluice/service'
import type { ServerSettings } from './settings.ts'

/** @throws ConfigError for half a login, which would connect without any */
export function kafkaLogin({
  kafka_username,
  kafka_password,
  kafka_mechanism,
}: Pick<ServerSettings, 'kafka_username' | 'kafka_password' | 'kafka_mechanism'>): KafkaSasl | undefined {
  if (kafka_username !== undefined && kafka_password !== undefined)
    return { mechanism: kafka_mechanism, username: kafka_username, password: kafka_password }
  if (kafka_username === undefined && kafka_password === undefined) return undefined
  const [given, missing] = kafka_username === undefined ? ['PASSWORD', 'USERNAME'] : ['USERNAME', 'PASSWORD']
  throw new ConfigError(`SLUICE_KAFKA_${given} is set and SLUICE_KAFKA_${missing} is not: set both, or neither`)
}

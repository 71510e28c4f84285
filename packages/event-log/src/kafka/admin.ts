import { isIP } from 'node:net'
import { Admin, type BaseOptions } from '@platformatic/kafka'
import { LogError } from '../event-log.ts'
import { logErrorOf } from './errors.ts'
import { type KafkaSettings, SASL_MECHANISMS } from './settings.ts'

const RETRIES = 5
const RETRY_DELAY_MS = 300

/**
 * Questions about topics. By @platformatic/kafka, because kafkajs asks for metadata up to version 6 only, which has no
 * topic ids, and a topic that was deleted and made anew can't be told from the old one without.
 */
export class KafkaAdmin {
  readonly #settings: KafkaSettings
  #admin: Admin | undefined
  #closed = false

  constructor(settings: KafkaSettings) {
    this.#settings = settings
  }

  /** @throws LogError; after `unreachable` the next question makes new connections */
  async ask<Answer>(doing: string, question: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    if (this.#closed) throw new LogError('closed', 'the log was closed')
    const admin = this.#connection()
    try {
      return await question(admin)
    } catch (error) {
      const failure = logErrorOf(error, `${doing} at ${this.#settings.brokers.join(', ')}`)
      if (failure.code === 'unreachable' && this.#admin === admin) await this.#discard()
      throw failure
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#discard()
  }

  #connection(): Admin {
    this.#admin ??= new Admin(platformaticOptions(this.#settings))
    return this.#admin
  }

  async #discard(): Promise<void> {
    const admin = this.#admin
    this.#admin = undefined
    await admin?.close().catch((error) => {
      this.#settings.logger.debug({ err: error }, 'closing a Kafka admin client failed')
    })
  }
}

/** What every client of @platformatic/kafka is made with. */
export function platformaticOptions(settings: KafkaSettings): BaseOptions {
  const { brokers, clientId, sasl, limits } = settings
  return {
    ...connectionOptions(settings),
    clientId,
    bootstrapBrokers: [...brokers],
    timeout: limits.request_ms,
    retries: RETRIES,
    retryDelay: RETRY_DELAY_MS,
    autocreateTopics: false,
    ...(sasl && {
      sasl: { mechanism: SASL_MECHANISMS[sasl.mechanism], username: sasl.username, password: sasl.password },
    }),
  }
}

/** How a broker is connected to, but for the login. */
export function connectionOptions({ brokers, ssl, limits }: KafkaSettings) {
  return {
    connectTimeout: limits.connect_ms,
    requestTimeout: limits.request_ms,
    ...(ssl && {
      tls: ssl === true ? {} : ssl,
      // Clouds tell brokers apart by the name that TLS asks for, which must not be an address (RFC 6066, section 3).
      tlsServerName: !brokers.every(isAddress),
    }),
  }
}

const isAddress = (broker: string) => isIP(broker.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')) !== 0

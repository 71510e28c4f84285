import { Admin, type BaseOptions } from '@platformatic/kafka'
import { LogError } from '../event-log.ts'
import { logErrorOf } from './errors.ts'
import type { KafkaSettings } from './settings.ts'

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
export function platformaticOptions({ brokers, clientId, sasl, ssl, limits }: KafkaSettings): BaseOptions {
  return {
    clientId,
    bootstrapBrokers: [...brokers],
    connectTimeout: limits.connect_ms,
    requestTimeout: limits.request_ms,
    timeout: limits.request_ms,
    retries: RETRIES,
    retryDelay: RETRY_DELAY_MS,
    autocreateTopics: false,
    ...(sasl && { sasl: { ...sasl, mechanism: SASL_MECHANISMS[sasl.mechanism] } }),
    ...(ssl && { tls: ssl === true ? {} : ssl }),
  }
}

const SASL_MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const

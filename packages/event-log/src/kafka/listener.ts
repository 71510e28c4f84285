import { Connection, type ConnectionOptions, ResponseError, saslHandshakeV1 } from '@platformatic/kafka'
import { LogError, type LogErrorCode } from '../event-log.ts'
import { tells } from './errors.ts'
import { type KafkaSettings, SASL_MECHANISMS } from './settings.ts'

/** What a broker wants of those who connect to one of its ports. */
export interface Listener {
  tls: boolean
  /** Mechanisms of which one must be used; none: no login is taken. `undefined`: not known. */
  logins: readonly string[] | undefined
  /** Whether clients without a certificate are turned away. */
  certificates?: boolean
}

/** What a client tells that speaks otherwise than the listener: mostly no more than that it was hung up on. */
const HUNG_UP = /Connection closed|secure TLS connection|requires TLS|SASL_MECHANISM|ILLEGAL_SASL_STATE/

/**
 * Why a connection came about and led nowhere, if it is for good: the settings are not what the listener wants. Asked
 * of the brokers themselves, because most of them only hang up; one that is away or starting gives no reason.
 *
 * @param connection what the failed client connected with, but for its login
 */
export async function mismatch(
  error: unknown,
  settings: KafkaSettings,
  connection: ConnectionOptions,
): Promise<LogError | undefined> {
  if (!tells(error, HUNG_UP)) return undefined
  for (const broker of settings.brokers) {
    const listener = await listenerAt(broker, connection)
    const found = listener && mismatchOf(listener, settings)
    if (found) return new LogError(found.code, `connecting to Kafka at ${broker}: ${found.reason}`, { cause: error })
  }
  return undefined
}

export function mismatchOf(
  { tls, logins, certificates }: Listener,
  { ssl, sasl }: Pick<KafkaSettings, 'ssl' | 'sasl'>,
): { code: LogErrorCode; reason: string } | undefined {
  if (tls && !ssl) return { code: 'unreachable', reason: 'this listener speaks TLS; turn TLS on' }
  if (!tls && ssl)
    return {
      code: 'unreachable',
      reason: 'this listener does not speak TLS; turn TLS off, or name the port of one that does',
    }
  if (certificates)
    return {
      code: 'unreachable',
      reason:
        'this listener wants a certificate of its clients, and we have none; name the port of one that takes a SASL login',
    }
  if (!logins) return undefined
  const taken = logins.join(' or ')
  if (sasl && logins.length === 0)
    return {
      code: 'unauthorized',
      reason: 'this listener takes no login; leave out user name and password, or name the port of one that does',
    }
  if (!sasl && logins.length > 0)
    return {
      code: 'unauthorized',
      reason: `this listener wants a login by ${taken}; set mechanism, user name and password`,
    }
  if (sasl && !logins.includes(SASL_MECHANISMS[sasl.mechanism]))
    return {
      code: 'unauthorized',
      reason: `this listener takes a login by ${taken}, not by ${SASL_MECHANISMS[sasl.mechanism]}; set such a mechanism`,
    }
  return undefined
}

async function listenerAt(broker: string, connection: ConnectionOptions): Promise<Listener | undefined> {
  if (connection.tls) {
    const within = await handshake(broker, connection)
    if (within.kind === 'logins') return { tls: true, logins: within.logins }
    if (within.kind === 'certificates') return { tls: true, logins: undefined, certificates: true }
  }
  const plain = await handshake(broker, { ...connection, tls: undefined })
  if (plain.kind === 'logins') return { tls: false, logins: plain.logins }
  return plain.kind === 'tls' ? { tls: true, logins: undefined } : undefined
}

type Answer = { kind: 'logins'; logins: readonly string[] } | { kind: 'tls' | 'certificates' | 'unknown' }

/** The mechanisms that a listener offers to whoever begins to log in, or why it doesn't listen. */
async function handshake(broker: string, options: ConnectionOptions): Promise<Answer> {
  const colon = broker.lastIndexOf(':')
  const host = broker.slice(0, colon).replace(/^\[|\]$/g, '')
  const connection = new Connection('sluice-listener', options)
  // What TLS says once the connection is there reaches no request.
  let heard: unknown
  connection.on('error', (error) => {
    heard = error
  })
  try {
    await connection.connect(host, Number(broker.slice(colon + 1)))
    const { mechanisms } = await saslHandshakeV1.api.async(connection, SASL_MECHANISMS.plain)
    return { kind: 'logins', logins: mechanisms }
  } catch (error) {
    if (tells(error, /requires TLS/)) return { kind: 'tls' }
    if (tells(error, /ILLEGAL_SASL_STATE/)) return { kind: 'logins', logins: [] }
    if (heard !== undefined && tells(heard, CERTIFICATE_WANTED)) return { kind: 'certificates' }
    const logins = error instanceof ResponseError ? mechanismsOf(error.response) : undefined
    return logins ? { kind: 'logins', logins } : { kind: 'unknown' }
  } finally {
    await connection.close()
  }
}

const CERTIFICATE_WANTED = /alert (certificate required|bad certificate)/

function mechanismsOf(response: unknown): string[] | undefined {
  if (typeof response !== 'object' || response === null || !('mechanisms' in response)) return undefined
  return Array.isArray(response.mechanisms) ? response.mechanisms.map(String) : undefined
}

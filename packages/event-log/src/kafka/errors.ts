import { LogError, type LogErrorCode } from '../event-log.ts'

/** What an error of kafkajs or of @platformatic/kafka means, found along its causes. */
export function logErrorOf(error: unknown, doing: string): LogError {
  if (error instanceof LogError) return error
  const facts = factsOf(error)
  for (const { code, when, retryable, advice } of RULES) {
    const fact = facts.find((fact) => when.test(textOf(fact)))
    if (fact)
      return new LogError(code, `${doing}: ${sentence(fact.message)}${advice && `; ${advice}`}`, {
        cause: error,
        retryable,
      })
  }
  const why = facts.findLast(({ message }) => message !== '')?.message ?? 'unknown error'
  return new LogError('failed', `${doing}: ${why}`, { cause: error, retryable: !facts.some(({ final }) => final) })
}

/** Without the full stop of one of the clients, and without Node's own advice on certificates. */
const sentence = (message: string): string =>
  message.replace(/\.$/, '').replace(/; if the root CA is installed locally.*$/, '')

/** Whether an error or one of its causes is such a one. */
export function tells(error: unknown, what: RegExp): boolean {
  return factsOf(error).some((fact) => what.test(textOf(fact)))
}

/** The group's coordinator is starting or moving: joining again soon is all there is to do. */
export function isPassingOfGroup(error: unknown): boolean {
  return factsOf(error).some(({ type }) =>
    /GROUP_LOAD_IN_PROGRESS|GROUP_COORDINATOR_NOT_AVAILABLE|NOT_COORDINATOR|REBALANCE_IN_PROGRESS/.test(type),
  )
}

interface Rule {
  code: LogErrorCode
  /** Matched against the name, protocol error and message of each error in the chain. */
  when: RegExp
  retryable: boolean
  advice: string
}

/** The first that fits decides. */
const RULES: readonly Rule[] = [
  {
    code: 'unauthorized',
    when: /SASLAuthentication|SASL_AUTHENTICATION_FAILED|PLT_KFK_AUTHENTICATION|ILLEGAL_SASL_STATE|UNSUPPORTED_SASL_MECHANISM|SASL .* authentication failed/i,
    retryable: false,
    advice: 'correct the SASL mechanism, user name or password',
  },
  {
    code: 'unauthorized',
    when: /_AUTHORIZATION_FAILED/,
    retryable: false,
    advice:
      "allow this user CREATE, READ, WRITE, ALTER, ALTER_CONFIGS and DELETE on topics, and READ on groups, of the log's prefix",
  },
  {
    code: 'unreachable',
    when: /ERR_TLS_CERT_ALTNAME_INVALID|certificate's altnames/,
    retryable: false,
    advice: 'name the brokers as their certificates do',
  },
  {
    code: 'unreachable',
    when: /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|certificate has expired|certificate is not yet valid/,
    retryable: false,
    advice: "renew the broker's certificate, or correct this machine's clock",
  },
  {
    code: 'unreachable',
    when: /certificate|self.signed/i,
    retryable: false,
    advice: 'let NODE_EXTRA_CA_CERTS name a PEM file of the authority that signed it',
  },
  {
    code: 'unreachable',
    when: /SSL routines|EPROTO|requires TLS/,
    retryable: false,
    advice: 'check whether this listener speaks TLS',
  },
  {
    code: 'unknown_topic',
    when: /UNKNOWN_TOPIC_OR_PARTITION|Unknown topic|UNKNOWN_TOPIC_ID/,
    retryable: false,
    advice: '',
  },
  {
    code: 'offset_out_of_range',
    when: /OFFSET_OUT_OF_RANGE/,
    retryable: false,
    advice: 'the log was cut or replaced: refill it from the raw zone',
  },
  {
    code: 'record_too_large',
    when: /MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE/,
    retryable: false,
    advice: "raise the topic's max.message.bytes",
  },
  {
    code: 'failed',
    when: /UNSUPPORTED_VERSION|ServerDoesNotSupportApiKey|PLT_KFK_UNSUPPORTED_API|UNSUPPORTED_API/,
    retryable: false,
    advice: 'Kafka 3.0 or newer is needed',
  },
  {
    code: 'unreachable',
    when: /KafkaJSConnection|KafkaJSRequestTimeout|KafkaJSBrokerNotFound|KafkaJSNoBrokerAvailable|KafkaJSLockTimeout|secure TLS connection|PLT_KFK_NETWORK|PLT_KFK_TIMEOUT|ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|EPIPE|Cannot connect|Connection closed|disconnected/,
    retryable: true,
    advice: 'is it running, is the address right, and does this listener want TLS or SASL?',
  },
]

interface Fact {
  name: string
  type: string
  message: string
  /** The client says that trying again is of no use. Wrappers that only count the tries do not. */
  final: boolean
}

const textOf = ({ name, type, message }: Fact) => `${name} ${type} ${message}`

const LIMIT_OF_CAUSES = 50

function factsOf(error: unknown): Fact[] {
  const facts: Fact[] = []
  const waiting: unknown[] = [error]
  for (let next = waiting.pop(); next !== undefined && facts.length < LIMIT_OF_CAUSES; next = waiting.pop()) {
    if (!(next instanceof Error)) {
      facts.push({ name: '', type: '', message: String(next), final: false })
      continue
    }
    const { name, message, cause } = next
    const own = textsOf(next)
    facts.push({
      name,
      type: [own['type'], own['code'], own['apiId']].filter((text) => text !== undefined).join(' '),
      message,
      final:
        cause === undefined &&
        (own['retriable'] === 'false' || own['canRetry'] === 'false' || name === 'TypeError' || name === 'RangeError'),
    })
    if (cause !== undefined && cause !== next) waiting.push(cause)
    if (next instanceof AggregateError) waiting.push(...next.errors)
  }
  return facts
}

function textsOf(error: Error): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const [key, value] of Object.entries(error))
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') texts[key] = String(value)
  return texts
}

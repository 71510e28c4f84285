import {
  AuthenticationError,
  MultipleErrors,
  NetworkError,
  ProtocolError,
  TimeoutError,
  UnsupportedApiError,
  UserError,
} from '@platformatic/kafka'
import {
  KafkaJSConnectionError,
  KafkaJSNonRetriableError,
  KafkaJSProtocolError,
  KafkaJSServerDoesNotSupportApiKey,
} from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { LogError } from '../../src/index.ts'
import { isPassingOfGroup, logErrorOf } from '../../src/kafka/errors.ts'
import { settingsOf } from '../../src/kafka/settings.ts'

const protocol = (type: string, retriable = false) =>
  new KafkaJSProtocolError(Object.assign(new Error(`the server says ${type}`), { type, code: 1, retriable }))
const wrapped = (error: Error) => new MultipleErrors('metadata failed 3 times.', [error, error])

/** Also of a broker that is starting or stopping behind a proxy. */
const TLS_RESET = 'Client network socket disconnected before secure TLS connection was established'

describe('an error of a Kafka client', () => {
  it.each([
    ['unauthorized', false, wrapped(new AuthenticationError('SASL authentication failed.'))],
    ['unauthorized', false, protocol('SASL_AUTHENTICATION_FAILED')],
    ['unauthorized', false, protocol('TOPIC_AUTHORIZATION_FAILED')],
    ['unreachable', true, new KafkaJSConnectionError('Connection error: connect ECONNREFUSED 127.0.0.1:1')],
    ['unreachable', true, wrapped(new NetworkError('Connection closed'))],
    ['unreachable', true, new TimeoutError('Request timed out')],
    ['unreachable', false, wrapped(new NetworkError('self-signed certificate in chain'))],
    ['unreachable', true, new NetworkError('failed', { cause: new Error(TLS_RESET) })],
    ['unreachable', true, new KafkaJSConnectionError(`Connection error: ${TLS_RESET}`)],
    ['unreachable', false, new UserError('Broker requires TLS.')],
    ['unreachable', false, new KafkaJSConnectionError('Connection error: EPROTO: SSL routines: wrong version number')],
    ['unknown_topic', false, protocol('UNKNOWN_TOPIC_OR_PARTITION', true)],
    ['unknown_topic', false, new ProtocolError('UNKNOWN_TOPIC_OR_PARTITION')],
    ['offset_out_of_range', false, protocol('OFFSET_OUT_OF_RANGE', true)],
    ['record_too_large', false, protocol('MESSAGE_TOO_LARGE')],
    ['failed', false, new KafkaJSNonRetriableError('no')],
    ['failed', true, protocol('NOT_ENOUGH_REPLICAS', true)],
    [
      'failed',
      true,
      Object.assign(new KafkaJSNonRetriableError('tried'), { cause: protocol('NOT_ENOUGH_REPLICAS', true) }),
    ],
    ['failed', false, new TypeError('a bug')],
  ] as const)('becomes %s, retryable %s: %s', (code, retryable, error) => {
    const mapped = logErrorOf(error, 'sending to Kafka at a:1')
    expect(mapped).toMatchObject({ code, retryable })
    expect(mapped.message).toMatch(/^sending to Kafka at a:1: /)
    expect(mapped.cause).toBe(error)
  })

  it('gives the message of the cause, not that of the wrapper', () => {
    expect(logErrorOf(wrapped(new AuthenticationError('SASL authentication failed.')), 'x').message).toContain(
      'SASL authentication failed; correct the SASL mechanism, user name or password',
    )
  })

  it.each([
    [
      'unable to verify the first certificate; if the root CA is installed locally, try --x',
      /certificate; let NODE_EX/,
    ],
    ['self-signed certificate in certificate chain', /NODE_EXTRA_CA_CERTS name a PEM file/],
    ["Hostname/IP does not match certificate's altnames: Host: a", /name the brokers as their certificates do$/],
    ['certificate has expired', /renew the broker's certificate/],
  ])('of a certificate says what to do: %s', (message, advice) => {
    expect(logErrorOf(wrapped(new NetworkError(message)), 'x').message).toMatch(advice)
    expect(logErrorOf(new KafkaJSConnectionError(message), 'x').message).toMatch(advice)
  })

  it.each([
    protocol('UNSUPPORTED_VERSION'),
    wrapped(new ProtocolError('UNSUPPORTED_VERSION')),
    new UnsupportedApiError('Unsupported API Metadata.'),
    new KafkaJSServerDoesNotSupportApiKey('The Kafka server does not support requested API version'),
  ])('of a broker that is too old says what is needed, and is not tried again: %s', (error) => {
    const mapped = logErrorOf(error, 'connecting to Kafka at a:1')
    expect(mapped).toMatchObject({ code: 'failed', retryable: false })
    expect(mapped.message).toMatch(/; Kafka 3\.0 or newer is needed$/)
  })

  it('an error of the log stays as it is', () => {
    const error = new LogError('replaced', 'gone')
    expect(logErrorOf(error, 'x')).toBe(error)
  })

  it('a coordinator that is loading or moving is passing', () => {
    expect(isPassingOfGroup(protocol('GROUP_LOAD_IN_PROGRESS'))).toBe(true)
    expect(isPassingOfGroup(protocol('GROUP_AUTHORIZATION_FAILED'))).toBe(false)
  })
})

describe('the settings of the log', () => {
  const options = { brokers: ['a:1'], clientId: 'x', epoch: 'e' }
  it.each([
    [{ ...options, brokers: [] }, 'at least one'],
    [{ ...options, brokers: ['localhost'] }, 'host:port'],
    [{ ...options, epoch: 'a b' }, 'log epoch'],
    [{ ...options, clientId: '' }, 'client id'],
    [{ ...options, prefix: 'ä' }, 'prefix'],
  ])('%j is refused with a reason', (wrong, reason) => {
    expect(() => settingsOf(wrong)).toThrow(reason)
  })
})

import { S3ServiceException } from '@aws-sdk/client-s3'
import { ObjectStoreError } from '../object-store.ts'

const LOST_CONNECTION = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_PREMATURE_CLOSE'])
const NO_WAY_THERE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ETIMEDOUT',
  'ERR_SSL_WRONG_VERSION_NUMBER',
])
/** Answers of 4xx that say something about the moment or the way there, not about the request. */
const PASSING_NAMES = new Set([
  'RequestTimeout',
  'RequestTimeoutException',
  'IncompleteBody',
  'BadDigest',
  'XAmzContentChecksumMismatch',
  'XAmzContentSHA256Mismatch',
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'OperationAborted',
  'ConditionalRequestConflict',
])
const FULL_NAMES = new Set([
  'XMinioStorageFull',
  'InsufficientStorage',
  'QuotaExceeded',
  'XMinioAdminBucketQuotaExceeded',
])
const KEY_NAMES = new Set(['KeyTooLongError', 'XMinioInvalidObjectName', 'XMinioParentIsObject', 'InvalidURI'])
const CREDENTIAL_NAMES = new Set([
  'AccessDenied',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'InvalidToken',
  'CredentialsProviderError',
  'TokenProviderError',
])

/** HTTP status of an answer, also of one that is not S3's (a proxy's page); `undefined` if there was none. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof S3ServiceException) return error.$metadata.httpStatusCode
  const metadata: unknown = error instanceof Error && '$metadata' in error ? error.$metadata : undefined
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined
}

export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : ''
}

/** There is no such object (and the bucket is there, as far as the answer tells). */
export function isMissing(error: unknown): boolean {
  return statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket'
}

export function isLostConnection(error: unknown): boolean {
  return codesOf(error).some((code) => LOST_CONNECTION.has(code)) || /socket hang up|aborted/.test(messageOf(error))
}

/** Whether the same request may succeed in a moment. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ObjectStoreError) return error.retryable
  const name = nameOf(error)
  if (FULL_NAMES.has(name) || CREDENTIAL_NAMES.has(name)) return false
  const status = statusOf(error)
  if (PASSING_NAMES.has(name) || status === 429 || status === 408) return true
  if (status !== undefined && status >= 500) return status !== 501 && status !== 507
  if (name === 'TimeoutError' || isLostConnection(error)) return true
  if (codesOf(error).some((code) => NO_WAY_THERE.has(code))) return true
  // An answer that was cut or damaged on its way.
  return status === undefined && (/[Cc]hecksum mismatch/.test(messageOf(error)) || error instanceof SyntaxError)
}

/** What the caller is told: what was tried, what came, what to do. */
export function storeError(what: string, error: unknown, { bucket }: { bucket: string }): ObjectStoreError {
  if (error instanceof ObjectStoreError) return error
  const name = nameOf(error)
  const status = statusOf(error)
  const say = (code: ObjectStoreError['code'], message: string) =>
    new ObjectStoreError(code, `${what}: ${message}`, { cause: error, retryable: isTransient(error) })
  if (name === 'NoSuchBucket') return say('not_found', `there is no bucket ${bucket}; make it, or name another`)
  if (name === 'RequestTimeTooSkewed')
    return say('access_denied', "this machine's clock and the store's differ too much; set the clock")
  if (
    name === 'PermanentRedirect' ||
    name === 'AuthorizationHeaderMalformed' ||
    name === 'IllegalLocationConstraintException'
  )
    return say('failed', `${messageOf(error)}; set the region to the bucket's`)
  if (CREDENTIAL_NAMES.has(name) || status === 401 || status === 403)
    return say('access_denied', `${hintOfCredentials(name)} (${name})`)
  if (FULL_NAMES.has(name) || status === 507) return say('no_space', `${messageOf(error)}; make room in the store`)
  if (KEY_NAMES.has(name)) return say('invalid_key', `${messageOf(error)}; the store cannot hold such a key`)
  if (name === 'InvalidRange' || status === 416)
    return say('invalid_range', 'expected a range inside the object; it begins behind the end')
  if (status === undefined && isTransient(error))
    return say(
      'unreachable',
      `no answer (${codesOf(error)[0] ?? name}: ${messageOf(error)}); is it running, and the endpoint right?`,
    )
  if (/XML parse error|Deserialization error|UnknownError/.test(String(error)))
    return say('failed', `what answers at this endpoint does not do as S3 would, or is not S3 (status ${status})`)
  return say('failed', `${messageOf(error)}${status === undefined ? '' : ` (${name}, status ${status})`}`)
}

function hintOfCredentials(name: string): string {
  switch (name) {
    case 'InvalidAccessKeyId':
      return 'the store does not know the access key; set the right one'
    case 'SignatureDoesNotMatch':
      return 'the secret key is not the one of the access key; set the right one'
    case 'ExpiredToken':
    case 'InvalidToken':
      return 'the session token is no longer good; get new credentials'
    case 'CredentialsProviderError':
    case 'TokenProviderError':
      return 'no credentials were found; give an access key and a secret key, or what the AWS SDK looks for'
    default:
      return 'the credentials do not allow it; give them the right to list the bucket and to get, put and delete its objects'
  }
}

/** In one line. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0])
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? ''
}

/** System error codes of an error and of what is inside it. */
function codesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return []
  const own = 'code' in error && typeof error.code === 'string' ? [error.code] : []
  const inside = error instanceof AggregateError ? error.errors.flatMap(codesOf) : []
  return [...own, ...inside, ...codesOf(error.cause)]
}

import { errors } from '@elastic/elasticsearch'
import { StoreError, type StoreErrorCode } from '@sluice/store'

/** What Elasticsearch says of an error in the body of its answer. */
export interface ErrorCause {
  type: string
  reason?: string
  caused_by?: ErrorCause
}

/** The client's error as the store's own, with Elasticsearch's words and never with credentials. */
export function storeErrorOf(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  if (error instanceof errors.ProductNotSupportedError)
    return new StoreError('failed', 'expected Elasticsearch 9 or newer; another product answers at this url', {
      cause: error,
    })
  if (error instanceof errors.ResponseError) return refusedRequest(error.statusCode ?? 0, causeOf(error), error)
  const away =
    error instanceof errors.ConnectionError ||
    error instanceof errors.TimeoutError ||
    // An answer that was cut off, or something else's.
    error instanceof errors.DeserializationError ||
    error instanceof errors.NoLivingConnectionsError
  const message = error instanceof Error ? error.message : String(error)
  return away
    ? new StoreError('unreachable', `Elasticsearch cannot be reached: ${message}`, { cause: error, retryable: true })
    : new StoreError('failed', `the search store failed: ${message}`, { cause: error })
}

/** A request, or one item of it, that Elasticsearch answered with an error. */
export function refusedRequest(status: number, cause: ErrorCause, error?: unknown): StoreError {
  const { code, retryable, what } = kindOf(status, cause)
  return new StoreError(code, `${what}: ${reasonOf(cause)} (${status} ${cause.type})`, { cause: error, retryable })
}

interface Kind {
  code: StoreErrorCode
  retryable: boolean
  what: string
}

function kindOf(status: number, cause: ErrorCause): Kind {
  if (cause.type === 'media_type_header_exception')
    return { code: 'too_old', retryable: false, what: 'expected Elasticsearch 9 or newer' }
  if (cause.type === 'cluster_block_exception')
    return /flood.?stage|disk usage/i.test(cause.reason ?? '')
      ? { code: 'no_space', retryable: true, what: 'Elasticsearch has no space left' }
      : { code: 'busy', retryable: true, what: 'Elasticsearch takes no writes just now' }
  if (status === 401 || status === 403)
    return { code: 'access_denied', retryable: false, what: 'Elasticsearch denies access, check the credentials' }
  if (status === 408 || status === 429 || status >= 500)
    return { code: 'busy', retryable: true, what: 'Elasticsearch is busy' }
  return { code: 'failed', retryable: false, what: 'Elasticsearch refused the request' }
}

/** What an answer's body says, or its status where it is of another make (a proxy's). */
export function causeOf(error: errors.ResponseError): ErrorCause {
  const body: unknown = error.body
  if (typeof body === 'object' && body !== null && 'error' in body) {
    if (isCause(body.error)) return body.error
    if (typeof body.error === 'string') return { type: 'error', reason: body.error }
  }
  return { type: 'no_reason_given', reason: `status ${error.statusCode}` }
}

const isCause = (value: unknown): value is ErrorCause =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'

/** An error's reason with those behind it. */
export function reasonOf(cause: ErrorCause): string {
  const inner = cause.caused_by ? `: ${reasonOf(cause.caused_by)}` : ''
  return `${cause.reason ?? cause.type}${inner}`
}

/** Whether a request failed for an index or alias that is not there. */
export function isMissing(error: unknown): boolean {
  return (
    error instanceof errors.ResponseError &&
    error.statusCode === 404 &&
    /^(index_not_found_exception|aliases_not_found_exception)$/.test(causeOf(error).type)
  )
}

export const isConflict = (error: unknown): boolean => error instanceof errors.ResponseError && error.statusCode === 409

export const isTaken = (error: unknown): boolean =>
  error instanceof errors.ResponseError && causeOf(error).type === 'resource_already_exists_exception'

/** Whether an index is there but none of its shards is yet. */
export const isStarting = (error: unknown): boolean =>
  error instanceof errors.ResponseError && causeOf(error).type === 'no_shard_available_action_exception'

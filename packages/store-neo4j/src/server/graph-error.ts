import { StoreError, type StoreErrorCode } from '@sluice/store'
import { isRetryableError, Neo4jError } from 'neo4j-driver'

/** Another transaction has changed the graph between two statements of this one: do it again. */
export class Interfered extends Error {}

/** What such interference looks like where Neo4j notices it. */
const INTERFERENCE =
  /^Neo\.ClientError\.(Statement\.EntityNotFound|Schema\.ConstraintValidationFailed|Schema\.ConstraintViolation|Transaction\.TransactionTimedOut\w*|Transaction\.LockClientStopped)$/

export const isInterference = (error: unknown): boolean =>
  error instanceof Interfered || (error instanceof Neo4jError && INTERFERENCE.test(error.code))

interface Kind {
  code: StoreErrorCode
  retryable: boolean
  what: string
}

/** The driver's error as the store's own, with Neo4j's words; what is not the driver's is given back. */
export function storeErrorOf(error: unknown): unknown {
  if (error instanceof Interfered)
    return new StoreError('busy', `others change the same nodes all the time: ${error.message}`, {
      cause: error,
      retryable: true,
    })
  if (!(error instanceof Neo4jError)) return error
  const { code, retryable, what } = kindOf(error)
  return new StoreError(code, `${what}: ${firstLine(error.message)} (${error.code})`, { cause: error, retryable })
}

function kindOf(error: Neo4jError): Kind {
  if (/no space left|not enough disk space/i.test(error.message))
    return { code: 'no_space', retryable: true, what: 'Neo4j has no space left' }
  if (/unknown bolt protocol version|server does not support any/i.test(error.message))
    return { code: 'too_old', retryable: false, what: 'expected Neo4j 5.26 or newer' }
  if (/^Neo\.ClientError\.Security\./.test(error.code))
    return { code: 'access_denied', retryable: false, what: 'Neo4j denies access, check username and password' }
  if (/^Neo\.ClientError\.Database\.DatabaseNotFound$/.test(error.code))
    return { code: 'failed', retryable: false, what: 'the database is not there, create it or name another' }
  // The driver has no code for a connection that it could not get in time.
  if (
    /^(ServiceUnavailable|SessionExpired|ProtocolError)$/.test(error.code) ||
    /acquisition timed out/.test(error.message)
  )
    return { code: 'unreachable', retryable: true, what: 'Neo4j cannot be reached' }
  if (isRetryableError(error) || isInterference(error) || error.code.startsWith('Neo.TransientError.'))
    return { code: 'busy', retryable: true, what: 'Neo4j is busy' }
  return { code: 'failed', retryable: false, what: 'Neo4j refused a statement' }
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? ''

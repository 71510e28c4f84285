import { StoreError, type StoreErrorCode } from '@sluice/store'

interface Kind {
  code: StoreErrorCode
  retryable: boolean
  what: string
}

const AWAY: Kind = { code: 'unreachable', retryable: true, what: 'PostgreSQL cannot be reached' }
const BUSY: Kind = { code: 'busy', retryable: true, what: 'PostgreSQL is busy' }
const DENIED: Kind = {
  code: 'access_denied',
  retryable: false,
  what: 'PostgreSQL denies access, check user and password',
}
const DAMAGED: Kind = { code: 'corrupt', retryable: false, what: 'the database is damaged' }
const FULL: Kind = { code: 'no_space', retryable: true, what: 'PostgreSQL has no space left' }

/** By SQLSTATE, or its class of two characters (https://www.postgresql.org/docs/18/errcodes-appendix.html), or Node's own code. */
const KINDS: Readonly<Record<string, Kind>> = {
  '08': AWAY,
  '57P01': AWAY,
  '57P02': AWAY,
  '57P03': AWAY,
  '25006': { code: 'unreachable', retryable: true, what: 'PostgreSQL is read only just now' },
  ECONNREFUSED: AWAY,
  ECONNRESET: AWAY,
  ENOTFOUND: AWAY,
  EAI_AGAIN: AWAY,
  EPIPE: AWAY,
  ETIMEDOUT: AWAY,
  EHOSTUNREACH: AWAY,
  ENETUNREACH: AWAY,
  '28': DENIED,
  '3D000': { code: 'failed', retryable: false, what: 'the database is not there, create it or name another' },
  // What CREATE says of a schema that the user may not use.
  '3F000': DENIED,
  '42501': DENIED,
  '40': BUSY,
  '53': BUSY,
  '53100': FULL,
  ENOSPC: FULL,
  '55P03': BUSY,
  '57014': BUSY,
  '25P03': BUSY,
  XX001: DAMAGED,
  XX002: DAMAGED,
}

/** A driver's error as the store's own: with PostgreSQL's words, never with a statement's parameters. */
export function storeErrorOf(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  const code = sqlStateOf(error)
  const kind = code === undefined ? undefined : (KINDS[code] ?? KINDS[code.slice(0, 2)])
  const message = messageOf(error)
  const { code: storeCode, retryable, what } = kind ?? { code: 'failed', retryable: false, what: 'PostgreSQL failed' }
  return new StoreError(storeCode, `${what}: ${message}${code ? ` (${code})` : ''}`, { cause: error, retryable })
}

/**
 * Whether a statement failed for the values it was given (data exception, constraint, program limit), so that other
 * rows may pass.
 */
export function isDataError(error: unknown): error is Error {
  return error instanceof Error && /^(?:22|23|54)/.test(sqlStateOf(error) ?? '')
}

export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Node tells several addresses that failed (localhost by IPv6 and IPv4) as one error without a message. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return (error instanceof Error ? error.message : String(error)).replaceAll('\n', ' ')
}

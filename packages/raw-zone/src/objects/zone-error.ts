import { ObjectStoreError } from '@sluice/object-store'
import { RawZoneError } from '../raw-zone.ts'

/** What the caller of the raw zone is told when the store fails. */
export function zoneError(what: string, error: unknown): RawZoneError {
  if (error instanceof RawZoneError) return error
  const message = `${what}: ${error instanceof Error ? error.message : String(error)}`
  const retryable = error instanceof ObjectStoreError ? error.retryable || error.code === 'no_space' : true
  const code = error instanceof ObjectStoreError && error.code === 'no_space' ? 'no_space' : 'failed'
  return new RawZoneError(code, message, { cause: error, retryable })
}

import { HttpError, RequestTimedOutError } from '@influxdata/influxdb-client'
import { StoreError } from '@sluice/store/store'
import { FluxError } from './flux-rows.ts'

/** What an error message may name: never the token. */
export interface Target {
  url: string
  org: string
  bucket: string
}

/** InfluxDB quotes the line first and says what is wrong with it last. */
const QUOTE_CHARACTERS = 250

/** InfluxDB's errors as ours. https://docs.influxdata.com/influxdb/v2/write-data/troubleshoot/ */
export function influxError(error: unknown, target: Target): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error
  if (error instanceof HttpError) return httpError(error, target)
  if (error instanceof FluxError)
    return new StoreError('failed', `InfluxDB ended an answer early: ${error.message}`, {
      cause: error,
      retryable: true,
    })
  if (error instanceof RequestTimedOutError)
    return new StoreError('unreachable', `InfluxDB at ${target.url} did not answer in time`, {
      cause: error,
      retryable: true,
    })
  if ('code' in error || error.name === 'AbortError')
    return new StoreError('unreachable', `InfluxDB at ${target.url} cannot be reached: ${error.message}`, {
      cause: error,
      retryable: true,
    })
  return error
}

/** Whether a write failed for what was written, so that its parts may fare better. */
export const isRefusal = (error: unknown): error is HttpError =>
  error instanceof HttpError && [400, 413, 422].includes(error.statusCode)

export function saysOf(error: HttpError): string {
  const said: unknown = error.json?.message ?? error.body ?? error.message
  const text = String(said)
  return text.length <= 2 * QUOTE_CHARACTERS
    ? text
    : `${text.slice(0, QUOTE_CHARACTERS)} … ${text.slice(-QUOTE_CHARACTERS)}`
}

function httpError(error: HttpError, { url, org, bucket }: Target): StoreError {
  const says = saysOf(error)
  const failed = (code: StoreError['code'], message: string, retryable: boolean) =>
    new StoreError(code, message, { cause: error, retryable })
  if (says.includes('no space left on device')) return failed('no_space', `InfluxDB at ${url}: ${says}`, true)
  switch (error.statusCode) {
    case 401:
      return failed('access_denied', `InfluxDB at ${url} does not know the token: give one it has made`, false)
    case 403:
      return failed(
        'access_denied',
        `the token may not read and write the bucket ${bucket} at ${url}: give it both permissions (${says})`,
        false,
      )
    case 404:
      return failed(
        'failed',
        `InfluxDB at ${url} has no bucket ${bucket} of organisation ${org} that the token may see: make it or name another (${says})`,
        false,
      )
    case 429:
    case 503:
      return failed('busy', `InfluxDB at ${url} is busy: ${says}`, true)
    default:
      return failed('failed', `InfluxDB at ${url} answered ${error.statusCode}: ${says}`, error.statusCode >= 500)
  }
}

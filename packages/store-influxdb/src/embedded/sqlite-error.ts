import { StoreError } from '@sluice/store/store'

/** Does the work; SQLite's errors come out as ours, by their primary result code (https://sqlite.org/rescode.html). */
export function translated<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof StoreError || !(error instanceof Error)) throw error
    const resultCode = 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
    throw storeError(resultCode, error)
  }
}

function storeError(resultCode: number | undefined, cause: Error): StoreError {
  switch (resultCode) {
    case 5:
    case 6:
      return new StoreError('busy', `another process uses the time series store: ${cause.message}`, {
        cause,
        retryable: true,
      })
    case 13:
      return new StoreError('no_space', `no space left for the time series store: ${cause.message}`, {
        cause,
        retryable: true,
      })
    case 11:
    case 26:
      return new StoreError(
        'corrupt',
        `the time series store's file is damaged; it is loaded anew from the tables: ${cause.message}`,
        { cause },
      )
    default:
      return new StoreError('failed', `the time series store failed: ${cause.message}`, { cause })
  }
}

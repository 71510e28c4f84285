/**
 * - `out_of_memory`: the query needs more than `memory_limit_bytes` and its temporary folder; run it on less.
 * - `no_space`: the disk is full.
 * - `file_gone`: a file that the query reads is not there (any more).
 * - `interrupted`: the query was cancelled.
 * - `invalid_value`: a value does not fit the type it is to become.
 * - `invalid_query`: DuckDB does not understand the text, or names are unknown.
 * - `closed`: the database was closed.
 * - `failed`: anything else.
 */
export type DuckdbErrorCode =
  | 'out_of_memory'
  | 'no_space'
  | 'file_gone'
  | 'interrupted'
  | 'invalid_value'
  | 'invalid_query'
  | 'closed'
  | 'failed'

/** What went wrong in DuckDB. `retryable`: the same call may succeed later. */
export class DuckdbError extends Error {
  readonly code: DuckdbErrorCode
  readonly retryable: boolean
  constructor(code: DuckdbErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'DuckdbError'
    this.code = code
    this.retryable = code === 'out_of_memory' || code === 'no_space'
  }
}

const KINDS: readonly [RegExp, DuckdbErrorCode][] = [
  [/No space left on device|disk is full|ENOSPC/i, 'no_space'],
  [/^Out of Memory Error/i, 'out_of_memory'],
  [/^INTERRUPT Error/i, 'interrupted'],
  [/^IO Error: (?:No files found|Cannot open file .*No such file|Could not .*No such file)/is, 'file_gone'],
  [/^(?:Conversion|Out of Range|Invalid Input|Constraint) Error/i, 'invalid_value'],
  [/^(?:Failed to extract statements: *)?(?:Parser|Binder|Catalog|Syntax) Error/i, 'invalid_query'],
]

/** DuckDB's errors have no code but a kind in front of their text. */
export function duckdbErrorFrom(cause: unknown): DuckdbError {
  if (cause instanceof DuckdbError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  const code = KINDS.find(([pattern]) => pattern.test(message))?.[1] ?? 'failed'
  return new DuckdbError(code, withoutAdvice(message), { cause })
}

/** Whether the work was too large for the memory that was left: less of it at once may do. */
export const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error && duckdbErrorFrom(error).code === 'out_of_memory'

/** What DuckDB advises is to be set in SQL, and is not for whoever reads our errors. */
const withoutAdvice = (message: string): string => message.split(/\n+Possible solutions:/)[0] ?? message

/**
 * - `table_not_found`: no table of this name.
 * - `version_not_found`: a version or instant that the table never had.
 * - `version_gone`: a version that was there; its log entries or files were cleaned up: reload from the newest version.
 * - `unsupported`: the table has something that lake tables do not have (partitions, deletion vectors, column mapping), or
 *   a file of another engine whose values would not be read as they are.
 * - `invalid_rows`: rows that must not enter the table (a keyed table's row without key).
 * - `column_conflict`: a column to be added is there with another type.
 * - `outraced`: other writers won every time; nothing was written.
 */
export type LakeErrorCode =
  | 'table_not_found'
  | 'version_not_found'
  | 'version_gone'
  | 'unsupported'
  | 'invalid_rows'
  | 'column_conflict'
  | 'outraced'

/** What should not happen with a lake table. `retryable`: the same call may succeed later. */
export class LakeError extends Error {
  readonly code: LakeErrorCode
  readonly retryable: boolean
  constructor(code: LakeErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'LakeError'
    this.code = code
    this.retryable = code === 'outraced'
  }
}

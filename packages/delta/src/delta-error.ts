/**
 * - `table_not_found`: there is no log at this root.
 * - `version_not_found`: the version (or instant) asked for is newer than the newest, or was cleaned up.
 * - `missing_version`: a commit in the middle of the log is not there.
 * - `missing_metadata`, `missing_protocol`: the log never says the schema, or what is needed to read it.
 * - `invalid_log`: a log entry, checkpoint or schema is not what the protocol says.
 * - `invalid_path`: a file's path cannot be resolved inside the table's folder.
 * - `file_missing`: a file of the snapshot is gone, vacuumed most likely: open the newest version.
 * - `unsupported_feature`: the table needs something that this package or its caller does not implement; see `feature`.
 * - `invalid_commit`: the actions given must not be committed.
 * - `unknown_outcome`: a commit was sent and it could not be learnt whether it arrived.
 * - `snapshot_expired`: the log entries after this snapshot were cleaned up: open the table again.
 */
export type DeltaErrorCode =
  | 'table_not_found'
  | 'version_not_found'
  | 'missing_version'
  | 'missing_metadata'
  | 'missing_protocol'
  | 'invalid_log'
  | 'invalid_path'
  | 'file_missing'
  | 'unsupported_feature'
  | 'invalid_commit'
  | 'unknown_outcome'
  | 'snapshot_expired'

/** A hostile log must not flood the logs of its reader. */
const MAX_MESSAGE = 1_000

/** What should not happen while reading or writing a table. `retryable`: the same call may succeed later. */
export class DeltaError extends Error {
  readonly code: DeltaErrorCode
  readonly retryable: boolean
  /** For `unsupported_feature`: the table feature's name as in the protocol. */
  readonly feature: string | undefined
  constructor(
    code: DeltaErrorCode,
    message: string,
    options: { cause?: unknown; retryable?: boolean; feature?: string } = {},
  ) {
    super(message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message, { cause: options.cause })
    this.name = 'DeltaError'
    this.code = code
    this.retryable = options.retryable ?? false
    this.feature = options.feature
  }
}

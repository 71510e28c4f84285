import type { EventType } from '@sluice/events'

export type StoreName = 'postgres' | 'influxdb' | 'elasticsearch' | 'neo4j'

/** A row's values by column: strings, numbers, booleans, null, string lists; decimals and longs as strings; instants as RFC 3339 UTC strings with microseconds. */
export type Row = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/** The net change of one row between two versions of a table. */
export interface RowChange {
  op: 'upsert' | 'delete'
  /** The key's value of a keyed table, the event_id of a plain one; of an exploded table `key/position`. */
  identity: string
  /** Table version that made this change; guards against older writers. */
  version: number
  /** The row after an upsert; the row before a delete. */
  row: Row
}

/** How far a store follows a table. `step.chunks` counts the batches applied beyond `version` on the way to `step.target`. */
export interface Progress {
  /** Delta table id. Another id means that the table was rebuilt: reload, never "already newer". */
  table_id: string
  /** All changes up to and including this version are in the store. -1: nothing yet. */
  version: number
  /** While a step from `version` to `target` is under way, the number of its chunks that are in. */
  step?: { target: number; chunks: number }
}

export interface ChangeBatch {
  table: string
  /** What must be the store's progress for this batch to be applied (undefined: the table is new to the store). */
  expected: Progress | undefined
  /** The progress after it, written in the same transaction where the target has transactions, after the data elsewhere. */
  next: Progress
  changes: readonly RowChange[]
}

/** A row that the store refuses for good, with its own words. */
export interface Refusal {
  identity: string
  event_id: string
  reason: string
}

/**
 * - `applied`: the changes and `next` are durable and visible to readers; `refused` rows were kept with their reason.
 * - `superseded`: the stored progress was not `expected` (another sink was quicker); nothing was changed.
 */
export type ApplyOutcome =
  | { kind: 'applied'; refused: Refusal[] }
  | { kind: 'superseded'; actual: Progress | undefined }

/** One table as a store sees it. */
export interface StoredTable {
  type: EventType
  /** The table's name: the type's own, or that of its explosion. */
  table: string
  columns: readonly { name: string; type: string }[]
}

/** One identity the store holds, with a fingerprint of what it holds for it (see `inventoryQuery`). */
export interface InventoryRow {
  identity: string
  fingerprint: string
}

/**
 * A database that mirrors lake tables. The embedded ones and the servers pass one contract suite, and the runner, which
 * owns batching, retries, circuit breaking and reload, never knows which it has.
 *
 * Contract (each line is a test of the contract suite):
 * - `apply` is idempotent: the same batch twice changes nothing and answers `superseded` or `applied`; a batch cut off
 *   half way is made whole by the next call. A row never goes back to an older version.
 * - A row the target refuses for good harms no other row of its batch; it is kept in the store's refusals.
 * - Transient faults are thrown as `StoreError` with `retryable: true`; the runner tries again. Nothing is swallowed.
 * - Every value of every `Row` comes back from a question as it went in, or the row is refused: quotes, backslashes,
 *   line breaks, NUL, `__proto__`, numbers beyond 2^53, long strings.
 * - What `apply` resolved is seen by the next `ask`, `inventory` and `progress`, also after SIGKILL of the store.
 * - A process that prepares nothing reads what another one prepared and filled: who only asks must not prepare, because
 *   with other event types that would take tables away.
 * All arguments and results are plain data, so that a store can live in another process.
 */
export interface Store {
  readonly name: StoreName
  /** Creates schemas, indexes and constraints for the tables routed to it; may be called again with more tables. */
  prepare(tables: readonly StoredTable[]): Promise<void>
  progress(): Promise<Record<string, Progress>>
  apply(batch: ChangeBatch): Promise<ApplyOutcome>
  /** Forgets a table and its progress, so that it is loaded anew. */
  forget(table: string): Promise<void>
  /** Refused rows of a table, in order of identity, strictly after `after`. */
  refusals(table: string, after: string | undefined, limit: number): Promise<Refusal[]>
  /** Everything held for a table, in order of identity's UTF-8 bytes, strictly after `after`. */
  inventory(table: string, after: string | undefined, limit: number): Promise<InventoryRow[]>
  /** Answers one of the store's questions (see `Question`), by its name. */
  ask(question: string, parameters: Readonly<Record<string, string>>, limit: number): Promise<Answer>
  close(): Promise<void>
}

export interface Answer {
  /** What was asked, in the store's own language, parameters shown as the driver was given them. */
  query: string
  columns: readonly { name: string; type: string }[]
  rows: readonly Row[]
}

export interface QuestionParameter {
  name: string
  required: boolean
  default?: string
  description: string
  /** How the value is checked before the store sees it. */
  kind: 'text' | 'day_or_instant' | 'hour' | 'time_zone' | 'positive_int'
}

/** A named, parameterised query with a store that answers it. One file a store holds its questions. */
export interface Question {
  name: string
  store: StoreName | 'lake' | 'raw'
  description: string
  parameters: readonly QuestionParameter[]
  columns: readonly { name: string; type: string }[]
}

/**
 * What `inventory` must answer for a table, as a query over the lake: a SELECT of (identity VARCHAR, fingerprint
 * VARCHAR) from the relation named `source`, which holds the table's rows. Plain mirrors use the identity and the event_id.
 */
export type InventoryQuery = (table: StoredTable) => string

export type StoreErrorCode =
  | 'unreachable'
  | 'access_denied'
  | 'too_old'
  | 'corrupt'
  | 'busy'
  | 'no_space'
  | 'unknown_question'
  | 'failed'

export class StoreError extends Error {
  readonly code: StoreErrorCode
  readonly retryable: boolean
  constructor(code: StoreErrorCode, message: string, options?: { cause?: unknown; retryable?: boolean }) {
    super(message, { cause: options?.cause })
    this.name = 'StoreError'
    this.code = code
    this.retryable = options?.retryable ?? false
  }
}

/**
 * The ledger: a Delta table with one row a receipt. Its files are sorted by `id_hash`.
 * Times are instants (Delta `timestamp`, microseconds, UTC).
 */
export const LEDGER_TABLE = 'ledger'

export const LEDGER_COLUMNS = [
  /** Raw batch id and line: the receipt's identity. */
  { name: 'raw_batch', type: 'string' },
  { name: 'raw_line', type: 'integer' },
  { name: 'event_id', type: 'string' },
  /** The lower 64 bits of md5(event_id), as a signed number. */
  { name: 'id_hash', type: 'long' },
  { name: 'type', type: 'string' },
  /** The lower 64 bits of md5 over the typed content, as a signed number. */
  { name: 'content_hash', type: 'long' },
  /** `stored`, `quarantined` or `repeat`. */
  { name: 'outcome', type: 'string' },
  /** Why it was quarantined: `unknown_type`, `schema_violation`, `id_conflict`, … */
  { name: 'reason', type: 'string' },
  /** The table that a stored event is a row of. */
  { name: 'table_name', type: 'string' },
  /** Stored events of keyed tables: the key's value and the instant that orders it. */
  { name: 'key', type: 'string' },
  { name: 'order_at', type: 'timestamp' },
  { name: 'received_at', type: 'timestamp' },
  { name: 'log_partition', type: 'integer' },
  { name: 'log_offset', type: 'long' },
] as const

export type Outcome = 'stored' | 'quarantined' | 'repeat'

/** The quarantine: events that could not be loaded, each with reason, field and original text. */
export const QUARANTINE_TABLE = 'quarantine'

export const QUARANTINE_COLUMNS = [
  { name: 'raw_batch', type: 'string' },
  { name: 'raw_line', type: 'integer' },
  { name: 'event_id', type: 'string' },
  { name: 'type', type: 'string' },
  { name: 'reason', type: 'string' },
  { name: 'field', type: 'string' },
  { name: 'message', type: 'string' },
  /** The client's own text. */
  { name: 'text', type: 'string' },
  { name: 'received_at', type: 'timestamp' },
  /** Raw position (`batch/line`) of the later valid event with this id that closed the entry. */
  { name: 'closed_by', type: 'string' },
] as const

/** Messages between the console and the process that runs clients' SQL. */

export type ResultFormat = 'json' | 'ndjson' | 'csv' | 'arrow'

/** Asks what DuckDB's parser makes of a text; nothing of it runs. */
export interface ParseRequest {
  kind: 'parse'
  id: number
  sql: string
}

/** Runs a judged statement over relations that are set up for it alone. */
export interface RunRequest {
  kind: 'run'
  id: number
  /** The statement as `json_serialize_sql` gave it. */
  statement: string
  /** Statements that set the session up: schemas and views over the files below. */
  setup: string[]
  /** The only files that may be opened. */
  files: string[]
  format: ResultFormat
  max_rows: number
}

/** Asks for the next chunk: the child sends one at a time. */
export interface MoreRequest {
  kind: 'more'
  id: number
}

export type SqlRequest = ParseRequest | RunRequest | MoreRequest

export type SqlReply =
  | { kind: 'ready' }
  | { kind: 'parsed'; id: number; parsed: string }
  | { kind: 'chunk'; id: number; bytes: Uint8Array }
  | { kind: 'done'; id: number; rows: number }
  | { kind: 'failed'; id: number; code: 'sql_error' | 'too_many_rows' | 'out_of_memory'; detail: string }

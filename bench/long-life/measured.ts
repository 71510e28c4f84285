/** What `stream.ts` prints. Bytes are of objects. */
export interface Streamed {
  /** Of this machine's time: the whole run, and its maintenance. */
  took_seconds: number
  maintenance_seconds: number
  versions: number
  commits: number
  rows: number
  compactions: number
  live_files: number
  most_files: number
  live_bytes: number
  /** Files of the appends alone. */
  appended_bytes: number
  /** All files written, those of compactions included. */
  data_bytes: number
  log_bytes: number
  log_objects: number
  data_objects: number
  peak_mb: number
}

/** What `newest-hour.ts` prints. */
export interface NewestHour {
  open_ms: number
  read_ms: number
  /** The same again in the same process. */
  again_ms: number
  rows: number
  peak_mb: number
}

/** What `versions.ts` prints. */
export interface Versions {
  /** Versions within retention, and how many of them were looked at. */
  within: number
  opened: number
  /** Of those: opened, with the right number of rows and all files there. */
  readable: number
  /** Versions whose rows were read and counted. */
  counted: number
  /** What was wrong with the others. */
  wrong: string[]
}

/** What `keyed.ts` prints. */
export interface Keyed {
  rows: number
  files: number
  bytes: number
  merges: number
  seconds: number
  /** Of all merges after the first: a merge, and rows, files and bytes of one. */
  merge_seconds: number
  merge_rows: number
  files_touched: number
  bytes_rewritten: number
  rows_a_second: number
  /** Longest time from the arrival of a row to its being in the table. */
  worst_lag_seconds: number
  live_files: number
  peak_mb: number
}

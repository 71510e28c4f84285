import type { ParquetCodec } from '@sluice/delta'
import type { ObjectStore } from '@sluice/object-store'
import type { Database } from '../duckdb/database.ts'

/** What all tables of a lake share. */
export interface LakeParts {
  store: ObjectStore
  database: Database
  /** Folder for files being written; on the disk of a folder store, so that they are moved and not copied. */
  scratch_path: string
  /** Milliseconds since the epoch. */
  now: () => number
  /** For Delta's checkpoints; default: the one in plain JavaScript. */
  codec?: ParquetCodec
}

/** What a table is to those who write it; the columns are the log's. */
export interface TableUse {
  /** Its objects are at `lake/<name>/…`. */
  name: string
  /** Keyed table: one row a key, the newest wins. */
  key?: string
  /** The instant that orders rows of a key; `received_at` where it is absent. */
  time?: string
  /** Columns that together tell rows apart in its changes. Default: the key, else `event_id`. */
  identity?: readonly string[]
  /** Columns that compaction sorts by. Default: `time`, else `received_at` where there is one. */
  cluster_by?: readonly string[]
  /**
   * Bytes that its files grow to. Default 64 MB, of keyed tables 16 MB: a merge rewrites whole files, and of a table cut
   * into ranges of its key only those of its ranges.
   */
  target_bytes?: number
  /** Rows a group in its files; see `ParquetOptions`. */
  row_group_rows?: number
}

/** Rows that a sorted file grows to, whatever its bytes: they are what sorting holds in memory. */
export const MAX_FILE_ROWS = 500_000

const TARGET_BYTES = 64_000_000
const KEYED_TARGET_BYTES = 16_000_000

export function targetBytes({ key, target_bytes }: TableUse): number {
  return target_bytes ?? (key === undefined ? TARGET_BYTES : KEYED_TARGET_BYTES)
}

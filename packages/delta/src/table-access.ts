import type { ParquetCodec } from './parquet-codec.ts'
import type { DeltaStore } from './store.ts'

/** Where a table lies and by what it is read and written. */
export interface TableAccess {
  readonly store: DeltaStore
  /** Key prefix of the table: `lake/movies` has its log at `lake/movies/_delta_log/`. */
  readonly root: string
  /** For checkpoints. */
  readonly codec: ParquetCodec
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** A text that was never used before: marks each commit, so that its writer knows it again. */
  readonly token: () => string
}

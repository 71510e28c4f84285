export type * from './actions.ts'
export type { Commit } from './commit.ts'
export { type Conflict, conflictWith, type Isolation, type Reads, type Transaction } from './conflict.ts'
export type { TableDefinition } from './create-table.ts'
export { dataFileKey, encodePath } from './data-path.ts'
export { DeltaError, type DeltaErrorCode } from './delta-error.ts'
export { DeltaTable, type DeltaTableOptions } from './delta-table.ts'
export type { HistoryEntry } from './history.ts'
export type { LogCleanup } from './log-cleanup.ts'
export {
  batchOfRows,
  type ParquetBatch,
  type ParquetCodec,
  type ParquetFile,
  type ParquetRow,
} from './parquet-codec.ts'
export {
  NEW_TABLE_PROTOCOL,
  READER_FEATURES,
  type RowRule,
  rowRules,
  WRITER_FEATURES,
} from './protocol.ts'
export {
  type ArrayType,
  type DataType,
  decimalOf,
  field,
  fieldNamed,
  type MapType,
  type PrimitiveType,
  parseSchema,
  type StructField,
  type StructType,
} from './schema.ts'
export type { Snapshot } from './snapshot.ts'
export type { DeltaStore, StoredObject } from './store.ts'
export { type TableProperties, tableProperties } from './table-properties.ts'
export type { CommitOutcome } from './transaction.ts'
export type { CommitRequest, TryCommitOutcome } from './try-commit.ts'

import type { StructType } from './schema.ts'

/**
 * A row as plain values: numbers or bigints, strings, booleans, arrays; structs and maps as objects; `null` or
 * `undefined` for null.
 */
export type ParquetRow = Record<string, unknown>

/** A Parquet file: engines that read by path or range take the key, others the bytes. */
export interface ParquetFile {
  /** Object key in the table's store. */
  key: string
  bytes(): Promise<Uint8Array>
}

/** Reads and writes Parquet for checkpoints. `hyparquet-codec.ts` is one; engines bring their own. */
export interface ParquetCodec {
  /**
   * Rows in file order, in batches of any size. Of `columns` (top-level names) those are read that the file has; a
   * column that the file lacks is left out of its rows.
   */
  read(file: ParquetFile, columns: readonly string[]): AsyncIterable<ParquetRow[]>
  /** One file with all rows. `schema` uses Delta's types; values that do not fit are an error. */
  write(schema: StructType, rows: Iterable<ParquetRow>): Promise<Uint8Array>
}

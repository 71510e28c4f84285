import type { StructType } from './schema.ts'

/**
 * A row as plain values: numbers or bigints, strings, booleans, arrays; structs and maps as objects; `null` or
 * `undefined` for null.
 */
export type ParquetRow = Record<string, unknown>

/** Values of one column or member, one a row, as in `ParquetRow`. */
export type ParquetValues = readonly unknown[]

/**
 * Rows by column: of a struct, as all columns of a checkpoint are, the values of each member, null where the struct is;
 * of anything else its values. No object is made for a row that is not asked for.
 */
export interface ParquetBatch {
  rows: number
  columns: Readonly<Record<string, ParquetValues | Readonly<Record<string, ParquetValues>>>>
}

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
   * column that the file lacks is left out. `batchOfRows` is for codecs that have rows.
   */
  read(file: ParquetFile, columns: readonly string[]): AsyncIterable<ParquetBatch>
  /** One file with all rows. `schema` uses Delta's types; values that do not fit are an error. */
  write(schema: StructType, rows: Iterable<ParquetRow>): Promise<Uint8Array>
}

/** Rows whose columns are structs, by column. */
export function batchOfRows(rows: readonly ParquetRow[]): ParquetBatch {
  const columns: Record<string, Record<string, unknown[]>> = {}
  for (const [at, row] of rows.entries())
    for (const [name, struct] of Object.entries(row)) {
      columns[name] ??= {}
      for (const [member, value] of Object.entries(struct ?? {})) {
        columns[name][member] ??= new Array(rows.length).fill(null)
        columns[name][member][at] = value
      }
    }
  return { rows: rows.length, columns }
}

import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBMapValue, type DuckDBValue } from '@duckdb/node-api'
import { duckdbErrorFrom } from '../duckdb/duckdb-error.ts'
import { identifier, literal } from '../duckdb/sql-text.ts'
import { type Column, sqlType } from './column-type.ts'
import { type CopiedStatistics, statisticsText } from './file-statistics.ts'

/** A Parquet file of a table, as Delta's `add` action needs it. */
export interface WrittenFile {
  /** Relative to the table's root. */
  path: string
  /** Bytes. */
  size: number
  rows: number
  /** Delta statistics, as JSON. */
  stats: string
}

export interface LocalParquet {
  path: string
  size: number
  rows: number
  stats: string
}

export interface ParquetOptions {
  /** Rows a group: what is skipped or read as one, and held in memory to be written. Default 40,960. */
  row_group_rows?: number
}

const ROW_GROUP_ROWS = 40_960
/** Half the time of zstd's default level, for files of the same size. */
const ZSTD_LEVEL = 1

/**
 * Writes the rows of a SELECT, in its order, to a local Parquet file (zstd) with exactly the given columns and types.
 * @returns `undefined` if there were no rows: then there is no file
 */
export async function writeParquet(
  connection: DuckDBConnection,
  select: string,
  columns: readonly Column[],
  scratch_path: string,
  options: ParquetOptions = {},
): Promise<LocalParquet | undefined> {
  const path = join(scratch_path, `${randomUUID()}.parquet`)
  const list = columns.map(({ name, type }) => `${identifier(name)}::${sqlType(type)} AS ${identifier(name)}`)
  try {
    const reader = await connection.runAndReadAll(
      `COPY (SELECT ${list.join(', ')} FROM (${select})) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL ${ZSTD_LEVEL}, ROW_GROUP_SIZE ${options.row_group_rows ?? ROW_GROUP_ROWS}, RETURN_STATS, USE_TMP_FILE false)`,
    )
    const [copied] = reader.getRows()
    const rows = Number(copied?.[1] ?? 0)
    if (rows === 0) {
      await rm(path, { force: true })
      return undefined
    }
    return { path, size: Number(copied?.[2]), rows, stats: statisticsText(rows, columns, statisticsFrom(copied?.[4])) }
  } catch (error) {
    await rm(path, { force: true })
    throw duckdbErrorFrom(error)
  }
}

function statisticsFrom(value: DuckDBValue | undefined): Map<string, CopiedStatistics> {
  const columns = new Map<string, CopiedStatistics>()
  if (!(value instanceof DuckDBMapValue)) return columns
  for (const { key, value: statistics } of value.entries) {
    if (!(statistics instanceof DuckDBMapValue)) continue
    columns.set(String(key), new Map(statistics.entries.map((entry) => [String(entry.key), String(entry.value)])))
  }
  return columns
}

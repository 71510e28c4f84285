import { type ColumnMetaData, type FileMetaData, parquetMetadataAsync, type SchemaElement } from 'hyparquet'
import { fileColumn } from './column-mapping.ts'
import { DeltaError } from './delta-error.ts'
import { FIRST_DAY, FIRST_MICROS, type HybridCalendar, hybridCalendar, julian } from './hybrid-calendar.ts'
import { columnReader } from './hyparquet-column.ts'
import { plainMetadata } from './plain-parquet.ts'
import type { StructType } from './schema.ts'

/** A file whose end is read. */
export interface FileEnd {
  byteLength: number
  slice(start: number, end?: number): Promise<ArrayBuffer>
}

/**
 * Whether an engine that takes a file's columns by name and casts them gives the table's rows: throws `invalid_log` for
 * columns that Delta does not read as the table's types, and `unsupported_feature` where the file counts days by the Julian
 * calendar and its statistics do not say that none is that old. Of tables without column mapping.
 * @param at the file's name, for messages
 */
export async function requireFit(file: FileEnd, schema: StructType, at: string): Promise<void> {
  const metadata = await metadataOf(file, at)
  const { columns } = plainMetadata(metadata)
  const calendar = hybridCalendar(metadata)
  for (const field of schema.fields) {
    const column = field.type === 'void' ? undefined : fileColumn(field, columns, 'none')
    const reading = { mode: 'none', calendar, strictBytes: true, at: `${at}, column ${field.name}` } as const
    if (column) columnReader(field.type, column, reading)
  }
  if (calendar.dates || calendar.int96) requireNoneAncient(metadata, calendar, at)
}

/** Numbers as they are: the library's own are dates of JavaScript. */
const numbers = {
  dateFromDays: (days: number) => days,
  timestampFromMilliseconds: (millis: bigint) => millis * 1_000n,
  timestampFromMicroseconds: (micros: bigint) => micros,
}

async function metadataOf(file: FileEnd, at: string): Promise<FileMetaData> {
  try {
    return await parquetMetadataAsync(file, { geoparquet: false, parsers: numbers })
  } catch (cause) {
    throw new DeltaError('invalid_log', `${at}: should be a Parquet file and cannot be read as one`, { cause })
  }
}

function requireNoneAncient({ schema, row_groups }: FileMetaData, calendar: HybridCalendar, at: string): void {
  const leaves = schema.filter(({ num_children = 0 }) => num_children === 0)
  for (const { columns } of row_groups)
    for (const [place, { meta_data }] of columns.entries()) {
      const leaf = leaves[place]
      const kind = leaf && datedKind(leaf, calendar)
      if (kind && !(meta_data && allLater(meta_data, kind))) throw julian(`${at}, column ${leaf.name}`, kind)
    }
}

function datedKind({ type, converted_type, logical_type }: SchemaElement, { dates, int96 }: HybridCalendar) {
  if (type === 'INT96') return int96 ? 'instant' : undefined
  if (!dates) return undefined
  if (converted_type === 'DATE' || logical_type?.type === 'DATE') return 'date'
  if (logical_type?.type === 'TIMESTAMP') return logical_type.isAdjustedToUTC ? 'instant' : undefined
  return converted_type?.startsWith('TIMESTAMP_') ? 'instant' : undefined
}

function allLater({ statistics, num_values }: ColumnMetaData, kind: 'date' | 'instant'): boolean {
  if (statistics?.null_count === num_values) return true
  const least = statistics?.min_value ?? statistics?.min
  if (kind === 'date') return typeof least === 'number' && least >= FIRST_DAY
  return typeof least === 'bigint' && least >= FIRST_MICROS
}

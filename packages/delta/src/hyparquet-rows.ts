import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import type { AddFile } from './actions.ts'
import { fileColumn, physicalName } from './column-mapping.ts'
import { decodeDeletionVector, deletionVectorKey } from './deletion-vector.ts'
import { DeltaError } from './delta-error.ts'
import { type HybridCalendar, hybridCalendar } from './hybrid-calendar.ts'
import { columnReader } from './hyparquet-column.ts'
import { partitionValue } from './partition-value.ts'
import { type ColumnNode, parsers, plainMetadata } from './plain-parquet.ts'
import type { RowIndexes } from './roaring-bitmap.ts'
import type { StructField } from './schema.ts'
import type { Snapshot } from './snapshot.ts'
import type { DeltaStore } from './store.ts'
import { requireSupportedTypeChanges } from './type-widening.ts'
import type { Value } from './value.ts'

export type Row = Record<string, Value>

/**
 * All rows of a snapshot, a batch a row group, in plain JavaScript: column mapping, deletion vectors, partition values
 * and type widening applied. For small tables and for checking engines; whole files are held in memory.
 * Throws `file_missing` for files that were vacuumed since, `invalid_log`, `unsupported_feature`.
 */
export async function* readRows(snapshot: Snapshot, store: DeltaStore): AsyncGenerator<Row[]> {
  for (const file of snapshot.files()) yield* readFileRows(snapshot, store, file)
}

/** As `readRows`, of one file. */
export async function* readFileRows(snapshot: Snapshot, store: DeltaStore, file: AddFile): AsyncGenerator<Row[]> {
  requireSupportedTypeChanges(snapshot.schema)
  const deleted = await deletedRows(snapshot, store, file)
  const bytes = await bytesAt(store, snapshot.key(file))
  const buffer = new Uint8Array(bytes).buffer
  const at = file.path.slice(0, 200)
  const metadata = await decoded(at, async () => parquetMetadata(buffer, { geoparquet: false }))
  const { plain, columns } = plainMetadata(metadata)
  const calendar = hybridCalendar(metadata)
  const readers = snapshot.schema.fields.map((field) => fieldReader(snapshot, file, field, columns, calendar))
  const names = readers.flatMap(({ column }) => (column === undefined ? [] : [column]))
  let start = 0
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows)
    const read = { file: buffer, metadata: plain, compressors, parsers, utf8: false, geoparquet: false }
    const raw =
      names.length === 0
        ? Array.from({ length: end - start }, () => ({}))
        : await decoded(at, () => parquetReadObjects({ ...read, columns: names, rowStart: start, rowEnd: end }))
    const rows: Row[] = []
    for (const [at, values] of raw.entries())
      if (!deleted?.has(start + at))
        rows.push(Object.fromEntries(readers.map(({ name, read }) => [name, read(values)])))
    yield rows
    start = end
  }
}

interface FieldReader {
  name: string
  /** Key of the file's column that is needed. */
  column: string | undefined
  read: (row: Record<string, unknown>) => Value
}

function fieldReader(
  snapshot: Snapshot,
  file: AddFile,
  field: StructField,
  columns: readonly ColumnNode[],
  calendar: HybridCalendar,
): FieldReader {
  const { name } = field
  const mode = snapshot.properties.columnMappingMode
  if (snapshot.partitionColumns.some((column) => column.toLowerCase() === name.toLowerCase())) {
    const value = partitionValue(file, physicalName(field, mode), field.type)
    return { name, column: undefined, read: () => value }
  }
  const column = field.type === 'void' ? undefined : fileColumn(field, columns, mode)
  if (!column) return { name, column: undefined, read: () => null }
  const read = columnReader(field.type, column, { mode, calendar, at: `${file.path.slice(0, 200)}, column ${name}` })
  return { name, column: column.key, read: (row) => read(row[column.key]) }
}

/** The library's errors are plain ones. */
async function decoded<T>(at: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new DeltaError('invalid_log', `${at}: should be a Parquet file and cannot be read as one: ${cause}`, {
      cause,
    })
  }
}

async function deletedRows(snapshot: Snapshot, store: DeltaStore, file: AddFile): Promise<RowIndexes | undefined> {
  if (!file.deletionVector) return undefined
  const key = deletionVectorKey(snapshot.root, file.deletionVector)
  return decodeDeletionVector(file.deletionVector, key === undefined ? undefined : await bytesAt(store, key))
}

async function bytesAt(store: DeltaStore, key: string): Promise<Uint8Array> {
  const bytes = await store.get(key)
  if (bytes) return bytes
  throw new DeltaError(
    'file_missing',
    `${key} is in the snapshot and not in the store: it was vacuumed, or never copied; open the newest version`,
    { retryable: true },
  )
}

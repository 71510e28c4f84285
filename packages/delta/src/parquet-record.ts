import { type FileMetaData, parquetMetadata, parquetSchema, type RowGroup, type SchemaTree } from 'hyparquet'
import type { ParquetRow } from './parquet-codec.ts'
import { ParquetCursor } from './parquet-cursor.ts'

/** Rows a batch. */
const BATCH_ROWS = 2_048
/** A Parquet file can say more rows than it has bytes; this many are more than any checkpoint has. */
const MAX_ROWS = 50_000_000
const MAX_DEPTH = 64
const NO_ENTRIES: ParquetRow = Object.freeze({})

/** A node of the schema, with cursors at its leaves (Dremel's record assembly). */
interface Field {
  name: string
  kind: 'leaf' | 'struct' | 'list' | 'map'
  /** Definition level from which on it is there. */
  definition: number
  children: Field[]
  /** Every leaf below, in order. */
  cursors: ParquetCursor[]
  /** Of lists and maps: levels of the repeated group. */
  repeated?: { definition: number; repetition: number }
}

/**
 * Rows of a Parquet file in plain objects, in batches, a page of each column in memory at a time. Only files that hold
 * what they say are read; others end in an error, at once.
 * @param wanted whether a field is read, by its path
 */
export function* readRecords(
  bytes: Uint8Array,
  wanted: (path: readonly string[], siblings: readonly string[]) => boolean,
): Generator<ParquetRow[]> {
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  if (!(buffer instanceof ArrayBuffer)) throw new TypeError('a Parquet file should not be shared memory')
  const file = new Uint8Array(buffer)
  const metadata = parquetMetadata(buffer, { geoparquet: false })
  const schema = parquetSchema(metadata)
  let rows = 0
  for (const group of metadata.row_groups) {
    rows += Number(group.num_rows)
    if (!(Number(group.num_rows) >= 0 && rows <= MAX_ROWS)) throw new RangeError(`a file says it has ${rows} rows`)
    yield* readGroup(file, metadata, group, schema, wanted)
  }
}

function* readGroup(
  file: Uint8Array,
  metadata: FileMetaData,
  group: RowGroup,
  schema: SchemaTree,
  wanted: Parameters<typeof readRecords>[1],
): Generator<ParquetRow[]> {
  const names = schema.children.map((child) => child.element.name)
  const fields = schema.children
    .filter((child) => wanted([child.element.name], names) && holds(group, child.element.name))
    .map((child) => fieldOf(file, group, child, { definition: 0, repetition: 0 }, wanted))
    .filter((field) => field.cursors.length > 0)
  if (fields.length === 0) return
  let left = Number(group.num_rows)
  while (left > 0) {
    const batch: ParquetRow[] = []
    for (const count = Math.min(BATCH_ROWS, left); batch.length < count; left--) {
      const row: ParquetRow = {}
      for (const field of fields) {
        const value = read(field)
        if (value !== null) row[field.name] = value
      }
      batch.push(row)
    }
    yield batch
  }
  for (const { cursors } of fields)
    if (cursors.some((cursor) => cursor.definition !== -1))
      throw new RangeError(`a column of ${metadata.schema.length} has more entries than its file has rows`)
}

/** Whether a column has any value in a row group: most actions are of one kind. */
function holds(group: RowGroup, column: string): boolean {
  return group.columns.some(
    ({ meta_data }) =>
      meta_data?.path_in_schema[0] === column &&
      (meta_data.statistics?.null_count === undefined || meta_data.statistics.null_count < meta_data.num_values),
  )
}

function fieldOf(
  file: Uint8Array,
  group: RowGroup,
  node: SchemaTree,
  above: { definition: number; repetition: number },
  wanted: Parameters<typeof readRecords>[1],
): Field {
  const { element, children, path } = node
  if (path.length > MAX_DEPTH) throw new RangeError('a schema is nested too deep')
  const repeats = element.repetition_type === 'REPEATED'
  const at = {
    definition: above.definition + (element.repetition_type === 'REQUIRED' ? 0 : 1),
    repetition: above.repetition + (repeats ? 1 : 0),
  }
  const field: Field = { name: element.name, kind: 'struct', definition: at.definition, children: [], cursors: [] }
  if (children.length === 0) return leafOf(file, group, node, at, field)
  const names = children.map((child) => child.element.name)
  field.children = children
    .filter((child) => wanted(child.path, names))
    .map((child) => fieldOf(file, group, child, at, wanted))
    .filter((child) => child.cursors.length > 0)
  field.cursors = field.children.flatMap((child) => child.cursors)
  const only = children.length === 1 ? children[0] : undefined
  if (only?.element.repetition_type === 'REPEATED' && field.children[0]) {
    const inner = field.children[0]
    field.repeated = { definition: inner.definition, repetition: at.repetition + 1 }
    const map = element.converted_type === 'MAP' || element.converted_type === 'MAP_KEY_VALUE'
    field.kind = (map || element.logical_type?.type === 'MAP') && inner.children.length === 2 ? 'map' : 'list'
  }
  return field
}

function leafOf(
  file: Uint8Array,
  group: RowGroup,
  { element, path }: SchemaTree,
  at: { definition: number; repetition: number },
  field: Field,
): Field {
  const name = path.join('\0')
  const chunk = group.columns.find(({ meta_data }) => meta_data?.path_in_schema.join('\0') === name)?.meta_data
  if (!chunk) throw new RangeError(`column ${path.join('.')} has no data`)
  return { ...field, kind: 'leaf', cursors: [new ParquetCursor(file, chunk, { element, ...at })] }
}

/** The value of a field in the record that its cursors stand on; they stand on the next one afterwards. */
function read(field: Field): unknown {
  const [first] = field.cursors
  if (!first) return null
  if (field.kind === 'leaf') {
    const value = first.value()
    first.next()
    return value
  }
  if (first.definition < field.definition) return passOver(field.cursors, null)
  const { repeated } = field
  if (!repeated) return structOf(field)
  if (first.definition < repeated.definition) return passOver(field.cursors, field.kind === 'map' ? NO_ENTRIES : [])
  return field.kind === 'map' ? entriesOf(field, first, repeated) : itemsOf(field, first, repeated)
}

function structOf(field: Field): ParquetRow {
  const struct: ParquetRow = {}
  for (const child of field.children) struct[child.name] = read(child)
  return struct
}

/** The repeated group is the element itself unless it has one member (parquet-format, LogicalTypes.md, Lists). */
function itemsOf(field: Field, first: ParquetCursor, repeated: { repetition: number }): unknown[] {
  const group = field.children[0]
  const element = group?.kind === 'struct' && group.children.length === 1 ? group.children[0] : group
  const items: unknown[] = []
  do items.push(element && read(element))
  while (first.definition !== -1 && first.repetition === repeated.repetition)
  return items
}

function entriesOf(field: Field, first: ParquetCursor, repeated: { repetition: number }): ParquetRow {
  const [key, value] = field.children[0]?.children ?? []
  const entries: [string, unknown][] = []
  do entries.push([String(key && read(key)), value && read(value)])
  while (first.definition !== -1 && first.repetition === repeated.repetition)
  return Object.fromEntries(entries)
}

function passOver<T>(cursors: readonly ParquetCursor[], value: T): T {
  for (const cursor of cursors) cursor.next()
  return value
}

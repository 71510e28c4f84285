import { type FileMetaData, parquetMetadata, parquetSchema, type RowGroup, type SchemaTree } from 'hyparquet'
import type { ParquetBatch, ParquetRow, ParquetValues } from './parquet-codec.ts'
import { ParquetCursor } from './parquet-cursor.ts'

/** Rows a batch. */
const BATCH_ROWS = 2_048
/** A Parquet file can say more rows than it has bytes; this many are more than any checkpoint has. */
const MAX_ROWS = 50_000_000
const MAX_DEPTH = 64
/** For the many lists and maps without entries one object each. */
const NO_ENTRIES: ParquetRow = Object.freeze({})
const NO_ITEMS: readonly unknown[] = Object.freeze([])

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
 * Rows of a Parquet file, in batches, a page of each column in memory at a time. Only files that hold what they say are
 * read; others end in an error, at once.
 * @param wanted whether a field is read, by its path
 */
export function* readBatches(
  bytes: Uint8Array,
  wanted: (path: readonly string[], siblings: readonly string[]) => boolean,
): Generator<ParquetBatch> {
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
  wanted: Parameters<typeof readBatches>[1],
): Generator<ParquetBatch> {
  const names = schema.children.map((child) => child.element.name)
  const fields = schema.children
    .filter((child) => wanted([child.element.name], names) && holds(group, child.element.name))
    .map((child) => fieldOf(file, group, child, { definition: 0, repetition: 0 }, wanted))
    .filter((field) => field.cursors.length > 0)
  if (fields.length === 0) return
  let left = Number(group.num_rows)
  while (left > 0) {
    const count = Math.min(BATCH_ROWS, left)
    const columns = fields.map((field) => [field.name, columnOf(field, count)])
    yield { rows: count, columns: Object.fromEntries(columns) }
    left -= count
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
  wanted: Parameters<typeof readBatches>[1],
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

function columnOf(field: Field, count: number): ParquetBatch['columns'][string] {
  if (field.kind !== 'struct') return readMany(field, count)
  return Object.fromEntries(field.children.map((child) => [child.name, readMany(child, count)]))
}

/** Values of a field outside of lists in the next records, column by column as long as that goes. */
function readMany(field: Field, count: number): ParquetValues {
  const [first] = field.cursors
  if (field.kind === 'leaf' && first) return first.take(count)
  if (field.repeated) return listsOf(field, field.repeated, count)
  const leaf = field.children.find(({ kind }) => kind === 'leaf')
  if (leaf) return structsOf(field, leaf, count)
  return Array.from({ length: count }, () => read(field))
}

/** @param leaf a child that tells where the struct is there */
function structsOf(field: Field, leaf: Field, count: number): (ParquetRow | null)[] {
  const definitions = new Uint8Array(count)
  const columns = field.children.map((child) =>
    child === leaf ? (leaf.cursors[0]?.take(count, definitions) ?? []) : readMany(child, count),
  )
  const structs = new Array<ParquetRow | null>(count).fill(null)
  for (let at = 0; at < count; at++)
    if ((definitions[at] ?? 0) >= field.definition)
      structs[at] = Object.fromEntries(field.children.map(({ name }, place) => [name, columns[place]?.[at] ?? null]))
  return structs
}

/** Where many in a row are empty or null they are passed over at once: most files have no partition values. */
function listsOf(field: Field, repeated: { definition: number }, count: number): unknown[] {
  const values: unknown[] = []
  while (values.length < count) {
    const [first] = field.cursors
    if (!first || first.definition >= repeated.definition) {
      values.push(read(field))
      continue
    }
    const empty = first.definition < field.definition ? null : emptyOf(field)
    const alike = Math.min(count - values.length, ...field.cursors.map((cursor) => cursor.alike))
    for (const cursor of field.cursors) cursor.pass(alike)
    for (let at = 0; at < alike; at++) values.push(empty)
  }
  return values
}

const emptyOf = ({ kind }: Field): unknown => (kind === 'map' ? NO_ENTRIES : NO_ITEMS)

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
  if (first.definition < repeated.definition) return passOver(field.cursors, emptyOf(field))
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

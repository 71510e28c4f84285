import { type FileMetaData, type ParquetParsers, parquetSchema, type SchemaElement, type SchemaTree } from 'hyparquet'

/** A node of a file's schema. */
export interface ColumnNode {
  /** In the file. */
  name: string
  /** Parquet's `field_id`. */
  id: number | undefined
  /** By which the library knows it: no name that means something to JavaScript, or has a dot. */
  key: string
  element: SchemaElement
  children: ColumnNode[]
}

/** Keeps what the library would round: instants as microseconds, dates as days. */
export const parsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (millis) => millis * 1_000n,
  timestampFromMicroseconds: (micros) => micros,
  timestampFromNanoseconds: (nanos) => nanos / 1_000n - (nanos % 1_000n < 0n ? 1n : 0n),
  dateFromDays: (days) => days,
}

/**
 * What the library shall take for a file's metadata, and the file's columns: texts and decimals are the bytes and integers
 * that they are made of, which it would change; lists and maps are the groups that they are made of, as it loses keys that
 * are no text and takes some structs for elements; and every column has another name.
 */
export function plainMetadata(metadata: FileMetaData): { plain: FileMetaData; columns: ColumnNode[] } {
  const schema = metadata.schema.map((element, at) => ({ ...plainElement(element), name: keyOf(at) }))
  const renamed = new Map<string, string[]>()
  let at = 0
  const nodeOf = ({ element, children, path }: SchemaTree, above: readonly string[]): ColumnNode => {
    const key = keyOf(at++)
    const keys = path.length === 0 ? [] : [...above, key]
    renamed.set(path.join('\0'), keys)
    return {
      name: element.name,
      id: element.field_id,
      key,
      element,
      children: children.map((child) => nodeOf(child, keys)),
    }
  }
  const { children } = nodeOf(parquetSchema(metadata), [])
  const row_groups = metadata.row_groups.map((group) => ({
    ...group,
    columns: group.columns.map((chunk) => {
      const { meta_data } = chunk
      const path = meta_data && renamed.get(meta_data.path_in_schema.join('\0'))
      return path ? { ...chunk, meta_data: { ...meta_data, path_in_schema: path } } : chunk
    }),
  }))
  return { plain: { ...metadata, schema, row_groups }, columns: children }
}

/** The scale of a decimal's whole numbers; `undefined` of what is none. */
export function scaleOf({ converted_type, logical_type, scale }: SchemaElement): number | undefined {
  if (converted_type !== 'DECIMAL' && logical_type?.type !== 'DECIMAL') return undefined
  return scale ?? (logical_type?.type === 'DECIMAL' ? logical_type.scale : 0)
}

/** Whether a group is a list or a map. */
export function holdsEntries({ converted_type, logical_type }: SchemaElement): boolean {
  return ENTRIES.includes(converted_type) || ENTRIES.includes(logical_type?.type)
}

const ENTRIES: readonly (string | undefined)[] = ['LIST', 'MAP', 'MAP_KEY_VALUE']
const BYTES: readonly (string | undefined)[] = ['UTF8', 'STRING', 'ENUM', 'JSON', 'BSON', 'UUID', 'DECIMAL']
const PLAIN = [...ENTRIES, ...BYTES, 'VARIANT']

function plainElement(element: SchemaElement): SchemaElement {
  if (!PLAIN.includes(element.converted_type) && !PLAIN.includes(element.logical_type?.type)) return element
  const { converted_type: _converted, logical_type: _logical, ...plain } = element
  return plain
}

const keyOf = (at: number) => `c${at}`

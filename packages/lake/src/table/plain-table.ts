import { type Action, type Protocol, type Snapshot, tableProperties } from '@sluice/delta'
import type { Column } from './column-type.ts'
import { LakeError } from './lake-error.ts'

/** What DuckDB, change files and change rows call something else. */
const TAKEN: ReadonlySet<string> = new Set(['file_index', 'file_row_number', '_change', '_version', '_change_type'])

/** Throws `unsupported` unless a version's rows are those of its files, column by column. */
export function requirePlain(name: string, snapshot: Snapshot): void {
  requirePlainColumns(name, snapshot.metadata)
  requireFreeNames(name, snapshot.schema.fields)
  if (snapshot.protocol.minReaderVersion < 3) return
  for (const file of snapshot.files()) if (file.deletionVector) throw refused(name, 'deletion vectors')
}

/** As `requirePlain`, of what a commit does to rows: `actions` are those whose files are to be read. */
export function requirePlainChange(name: string, actions: readonly Action[]): void {
  for (const action of actions) {
    if ('metaData' in action) requirePlainColumns(name, action.metaData)
    const file = 'add' in action ? action.add : 'remove' in action ? action.remove : undefined
    if (file?.deletionVector) throw refused(name, 'deletion vectors')
    const values = file?.partitionValues ?? ('cdc' in action ? action.cdc.partitionValues : {})
    for (const _column in values) throw refused(name, 'partitions')
  }
}

/**
 * Whether versions before may have mapped columns although the newest does not: nothing in a file action tells. The
 * feature was dropped and left its history, or is only switched off.
 */
export function mayHaveMapped({ minReaderVersion, writerFeatures = [] }: Protocol): boolean {
  return minReaderVersion > 1 || writerFeatures.includes('checkpointProtection')
}

/** Throws `unsupported` for a column whose name means something else where rows are read. */
export function requireFreeNames(name: string, columns: readonly Column[]): void {
  for (const column of columns) {
    if (TAKEN.has(column.name.toLowerCase())) throw refused(name, `a column ${column.name}`)
    // DuckDB's binding makes structs objects by assignment, which this member does not survive.
    if (typeof column.type !== 'string' && JSON.stringify(column.type).includes('"name":"__proto__"'))
      throw refused(name, `a member __proto__ in column ${column.name}`)
  }
}

export function requirePlainColumns(name: string, metadata: Snapshot['metadata']): void {
  if (metadata.partitionColumns.length > 0) throw refused(name, 'partitions')
  if (tableProperties(metadata).columnMappingMode !== 'none') throw refused(name, 'column mapping')
}

const refused = (name: string, what: string) =>
  new LakeError('unsupported', `table ${name}: expected a table without ${what}, which lake tables do not have`)

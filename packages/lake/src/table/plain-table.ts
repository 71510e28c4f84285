import { type Action, type Protocol, type Snapshot, tableProperties } from '@sluice/delta'
import { LakeError } from './lake-error.ts'

/** Throws `unsupported` unless a version's rows are those of its files, column by column. */
export function requirePlain(name: string, snapshot: Snapshot): void {
  requirePlainColumns(name, snapshot.metadata)
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

export function requirePlainColumns(name: string, metadata: Snapshot['metadata']): void {
  if (metadata.partitionColumns.length > 0) throw refused(name, 'partitions')
  if (tableProperties(metadata).columnMappingMode !== 'none') throw refused(name, 'column mapping')
}

const refused = (name: string, what: string) =>
  new LakeError('unsupported', `table ${name}: expected a table without ${what}, which lake tables do not have`)

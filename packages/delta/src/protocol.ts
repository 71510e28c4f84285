import type { Action, Metadata, Protocol } from './actions.ts'
import { DeltaError } from './delta-error.ts'
import type { StructType } from './schema.ts'
import { tableProperties } from './table-properties.ts'

/** Features (PROTOCOL.md, Valid Feature Names) that this package reads, given an engine that uses its parts. */
export const READER_FEATURES: ReadonlySet<string> = new Set([
  'columnMapping',
  'deletionVectors',
  'timestampNtz',
  'typeWidening',
  'typeWidening-preview',
  'v2Checkpoint',
  'vacuumProtocolCheck',
])

/** Features whose rules for writers this package keeps, or makes its caller keep (`enforces`). */
export const WRITER_FEATURES: ReadonlySet<string> = new Set([
  ...READER_FEATURES,
  'appendOnly',
  'invariants',
  'checkConstraints',
  'generatedColumns',
  'allowColumnDefaults',
  'changeDataFeed',
  'identityColumns',
  'domainMetadata',
  'inCommitTimestamp',
])

/** Rules about rows, which only an engine can keep. */
export type RowRule =
  | 'invariants'
  | 'checkConstraints'
  | 'generatedColumns'
  | 'identityColumns'
  | 'allowColumnDefaults'
  | 'columnMapping'
  | 'timestampNtz'

/** Table protocol of new tables: reader 1, writer 4, which every engine reads and lets updates and deletes travel. */
export const NEW_TABLE_PROTOCOL: Protocol = { minReaderVersion: 1, minWriterVersion: 4 }

/** Throws `unsupported_feature` if reading needs what this package lacks (PROTOCOL.md, Requirements for Readers). */
export function requireReadable(protocol: Protocol, root: string): void {
  const { minReaderVersion: version } = protocol
  if (version > 3 || version < 1)
    throw unsupported(`reader version ${version}`, `${root}: reading needs reader version ${version}; 1 to 3 are known`)
  if (version < 3) return
  if (!protocol.readerFeatures)
    throw new DeltaError('invalid_log', `${root}: a protocol of reader version 3 should list readerFeatures`)
  for (const feature of protocol.readerFeatures)
    if (!READER_FEATURES.has(feature))
      throw unsupported(feature, `${root}: reading needs the table feature ${feature}, which is not supported`)
}

/**
 * Throws `unsupported_feature` if these actions must not be written by us (PROTOCOL.md, Writer Version Requirements).
 * @param enforces rules about rows that the caller keeps itself
 */
export function requireWritable(
  table: { root: string; protocol: Protocol; metadata: Metadata; rowRules: readonly RowRule[] },
  actions: readonly Action[],
  enforces: readonly string[] = [],
): void {
  const { root, protocol, metadata } = table
  const { minWriterVersion: version } = protocol
  if (version > 7 || version < 1)
    throw unsupported(`writer version ${version}`, `${root}: writing needs writer version ${version}; 1 to 7 are known`)
  if (version === 7)
    for (const feature of protocol.writerFeatures ?? [])
      if (!WRITER_FEATURES.has(feature))
        throw unsupported(feature, `${root}: writing needs the table feature ${feature}, which is not supported`)
  if (actions.some((action) => 'add' in action && action.add.dataChange))
    for (const rule of table.rowRules)
      if (!enforces.includes(rule))
        throw unsupported(
          rule,
          `${root}: rows must keep the table's ${rule}; say that you enforce it, or write otherwise`,
        )
  if (
    supports(protocol, 'appendOnly', 2) &&
    tableProperties(metadata).appendOnly &&
    actions.some((action) => 'remove' in action && action.remove.dataChange)
  )
    throw new DeltaError('invalid_commit', `${root}: the table is append-only; rows must not be removed from it`)
}

/** The rules about rows that a table really has. */
export function rowRules(table: { protocol: Protocol; metadata: Metadata; schema: StructType }): RowRule[] {
  const { protocol, metadata, schema } = table
  const columns = JSON.stringify(schema)
  const rules: RowRule[] = []
  if (supports(protocol, 'invariants', 2) && columns.includes('"delta.invariants"')) rules.push('invariants')
  if (
    supports(protocol, 'checkConstraints', 3) &&
    Object.keys(metadata.configuration).some((name) => name.toLowerCase().startsWith('delta.constraints.'))
  )
    rules.push('checkConstraints')
  if (supports(protocol, 'generatedColumns', 4) && columns.includes('"delta.generationExpression"'))
    rules.push('generatedColumns')
  if (supports(protocol, 'columnMapping', 5) && tableProperties(metadata).columnMappingMode !== 'none')
    rules.push('columnMapping')
  if (supports(protocol, 'identityColumns', 6) && columns.includes('"delta.identity.')) rules.push('identityColumns')
  if (supports(protocol, 'allowColumnDefaults', 8) && columns.includes('"CURRENT_DEFAULT"'))
    rules.push('allowColumnDefaults')
  if (columns.includes('"timestamp_ntz"')) rules.push('timestampNtz')
  return rules
}

/** Whether a writer must respect a feature: by its name from writer version 7 on, by the version below. */
export function supports(protocol: Protocol, feature: string, sinceWriterVersion: number): boolean {
  return protocol.minWriterVersion === 7
    ? (protocol.writerFeatures ?? []).includes(feature)
    : protocol.minWriterVersion >= sinceWriterVersion
}

const unsupported = (feature: string, message: string) => new DeltaError('unsupported_feature', message, { feature })

import type { AddFile, RemoveFile, SetTransaction } from './actions.ts'
import { checkpointSchema } from './checkpoint-schema.ts'
import { writeLastCheckpoint } from './last-checkpoint.ts'
import { checkpointKey } from './log-path.ts'
import type { ParquetRow } from './parquet-codec.ts'
import type { Snapshot } from './snapshot.ts'
import type { TableAccess } from './table-access.ts'

/**
 * Writes a classic V1 checkpoint of a snapshot, which every writer may (PROTOCOL.md, Checkpoints), unless there is one,
 * and moves `_last_checkpoint` forward. Tombstones stay until `delta.deletedFileRetentionDuration` is over, transaction
 * identifiers for ever or as long as `delta.setTransactionRetentionDuration` says. Any process may do it at any time.
 */
export async function writeCheckpoint(
  access: TableAccess,
  snapshot: Snapshot,
): Promise<{ kind: 'written' | 'exists'; sizeInBytes?: number }> {
  const { store, root, codec } = access
  const key = checkpointKey(root, snapshot.version)
  const existing = await store.head(key)
  const now = access.now()
  const rows = [...checkpointRows(snapshot, now)]
  const hint = { version: snapshot.version, size: rows.length, numOfAddFiles: snapshot.fileCount }
  if (existing) {
    await writeLastCheckpoint(store, root, { ...hint, sizeInBytes: existing.size })
    return { kind: 'exists' }
  }
  const bytes = await codec.write(schemaFor(snapshot), rows)
  const outcome = await store.putIfAbsent(key, bytes)
  await writeLastCheckpoint(store, root, { ...hint, sizeInBytes: bytes.length })
  return outcome.kind === 'created' ? { kind: 'written', sizeInBytes: bytes.length } : { kind: 'exists' }
}

/** One row an action; every other column null. */
export function* checkpointRows(snapshot: Snapshot, now_ms: number): Generator<ParquetRow> {
  const { properties, state } = snapshot
  yield { protocol: { ...snapshot.protocol } }
  yield { metaData: { ...snapshot.metadata } }
  for (const txn of state.txns.values()) if (lives(txn, now_ms, properties.transactionRetention_ms)) yield { txn }
  for (const domainMetadata of state.domains.values()) yield { domainMetadata }
  const expired = now_ms - properties.deletedFileRetention_ms
  for (const remove of snapshot.tombstones())
    if ((remove.deletionTimestamp ?? 0) >= expired) yield { remove: { ...remove, dataChange: false } }
  const stats = properties.writeStatsAsJson
  // `dataChange` is false in checkpoints: they rearrange, and change nothing.
  for (const add of snapshot.files())
    yield { add: { ...add, dataChange: false, ...(stats ? {} : { stats: undefined }) } }
}

function lives(txn: SetTransaction, now_ms: number, retention_ms: number | undefined): boolean {
  return retention_ms === undefined || txn.lastUpdated === undefined || txn.lastUpdated > now_ms - retention_ms
}

function schemaFor(snapshot: Snapshot) {
  const files: (AddFile | RemoveFile)[] = [...snapshot.files(), ...snapshot.tombstones()]
  return checkpointSchema({
    deletionVectors: files.some((file) => file.deletionVector !== undefined),
    rowTracking: files.some((file) => file.baseRowId !== undefined),
    domains: snapshot.state.domains.size > 0,
    stats: snapshot.properties.writeStatsAsJson,
    tags: files.some((file) => file.tags !== undefined),
    clustering: files.some((file) => 'clusteringProvider' in file),
    readerFeatures: snapshot.protocol.readerFeatures !== undefined,
    writerFeatures: snapshot.protocol.writerFeatures !== undefined,
  })
}

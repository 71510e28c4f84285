import type { Action, Protocol } from './actions.ts'
import { DeltaError } from './delta-error.ts'
import { openSnapshot } from './open-snapshot.ts'
import { NEW_TABLE_PROTOCOL } from './protocol.ts'
import { Replay } from './reconciliation.ts'
import type { StructType } from './schema.ts'
import { sendCommit } from './send-commit.ts'
import { Snapshot } from './snapshot.ts'
import type { TableAccess } from './table-access.ts'
import { asTexts } from './try-commit.ts'

/** What a new table is. */
export interface TableDefinition {
  schema: StructType
  /** A UUID. */
  tableId: string
  partitionColumns?: readonly string[]
  /** `delta.*` properties and others. */
  properties?: Readonly<Record<string, string>>
  name?: string
  description?: string
  /** Default: reader 1, writer 4. */
  protocol?: Protocol
  /** Default: `CREATE TABLE`. */
  operation?: string
  /** Further members of the `commitInfo` action. */
  commitInfo?: Readonly<Record<string, unknown>>
  /** Further actions of version 0. */
  actions?: readonly Action[]
}

/**
 * Version 0 of a table, or the table that is there already, newest version. Looks before it creates: the first entries of
 * a table that is there may have been cleaned up. Throws as `openSnapshot`, and `unknown_outcome` if the store stays out
 * of reach.
 */
export async function createTable(
  access: TableAccess,
  definition: TableDefinition,
): Promise<{ kind: 'created' | 'exists'; snapshot: Snapshot }> {
  const { root } = access
  const existing = await openedIfThere(access)
  if (existing) return { kind: 'exists', snapshot: existing }
  const timestamp_ms = access.now()
  const token = access.token()
  const actions = firstActions(definition, timestamp_ms, token)
  const state = new Replay()
  state.apply(actions)
  // Checks the schema and protocol before anything is written.
  const created = new Snapshot({ root, version: 0, timestamp_ms, confirmed_at_ms: timestamp_ms }, state.finish())
  if ((await sendCommit(access, { version: 0, actions }, token)) === 'committed')
    return { kind: 'created', snapshot: created }
  return { kind: 'exists', snapshot: await openSnapshot(access) }
}

async function openedIfThere(access: TableAccess): Promise<Snapshot | undefined> {
  try {
    return await openSnapshot(access)
  } catch (error) {
    if (error instanceof DeltaError && error.code === 'table_not_found') return undefined
    throw error
  }
}

function firstActions(definition: TableDefinition, now: number, token: string): Action[] {
  const partitionColumns = [...(definition.partitionColumns ?? [])]
  const configuration = { ...definition.properties }
  const metaData = {
    id: definition.tableId,
    ...(definition.name === undefined ? {} : { name: definition.name }),
    ...(definition.description === undefined ? {} : { description: definition.description }),
    format: { provider: 'parquet', options: {} },
    schemaString: JSON.stringify(definition.schema),
    partitionColumns,
    configuration,
    createdTime: now,
  }
  const commitInfo = {
    ...(configuration['delta.enableInCommitTimestamps'] === 'true' ? { inCommitTimestamp: now } : {}),
    timestamp: now,
    operation: definition.operation ?? 'CREATE TABLE',
    operationParameters: asTexts({ partitionBy: partitionColumns, properties: configuration, isManaged: false }),
    isolationLevel: 'Serializable',
    isBlindAppend: true,
    engineInfo: 'sluice-delta/0.1.0',
    ...definition.commitInfo,
    txnId: token,
  }
  return [
    { commitInfo },
    { protocol: definition.protocol ?? NEW_TABLE_PROTOCOL },
    { metaData },
    ...(definition.actions ?? []),
  ]
}

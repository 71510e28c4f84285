import type { Action, AddFile, Conflict, Reads, RemoveFile, Snapshot, Transaction } from '@sluice/delta'
import { LakeError } from './lake-error.ts'
import type { LakeTable } from './lake-table.ts'
import type { WrittenFile } from './parquet-file.ts'
import { requirePlain } from './plain-table.ts'

/** What every operation takes besides its rows. */
export interface WriteOptions {
  /**
   * Recorded with the commit (Delta `txn`): then the operation is done at most once.
   * `after`: the version the table must have for this application (-1: none); else the outcome is `conflict`.
   */
  txn?: { appId: string; version: number; after?: number }
  /** Further members of the commit's `commitInfo`. */
  commitInfo?: Readonly<Record<string, unknown>>
  /** Delta's name of the operation, where the default does not fit. */
  operation?: string
}

export interface RowCounts {
  inserted: number
  updated: number
  deleted: number
}

/**
 * - `committed`: durable and visible as `version`.
 * - `unchanged`: there was nothing to do, and no `txn` to record.
 * - `conflict`: another writer changed what this depends on (for a `txn`: moved it); nothing was written.
 */
export type WriteOutcome =
  | { kind: 'committed'; version: number; rows: RowCounts }
  | { kind: 'unchanged'; version: number }
  | { kind: 'conflict'; conflict: Conflict }

/** One attempt at an operation, made on a snapshot. */
export interface Attempt {
  /** All but `txn` and `commitInfo`. */
  actions: Action[]
  operation: string
  parameters?: Readonly<Record<string, unknown>>
  reads: Reads
  rows: RowCounts
  isolation?: Transaction['isolation']
  /** Keys of objects that are garbage if the attempt fails. */
  written: string[]
}

const MAX_RACES = 50
const NO_ROWS: RowCounts = { inserted: 0, updated: 0, deleted: 0 }

export interface AttemptOptions {
  /** The operation depends on nothing that is in the table: the newest snapshot seen will do, however old. */
  blind?: boolean
  /** A conflict is the outcome; the operation is not made anew. */
  once?: boolean
}

/**
 * Makes an operation on the newest snapshot and commits it; after a conflict it is made anew, unless its `txn` was moved
 * or `once` is set. Throws `outraced` after 50 races, `unsupported`, and what the log and the store throw.
 */
export async function write(
  table: LakeTable,
  options: WriteOptions,
  attempt: (snapshot: Snapshot) => Promise<Attempt | undefined>,
  { blind = false, once = false }: AttemptOptions = {},
): Promise<WriteOutcome> {
  if (!blind) await table.refresh()
  for (let race = 0; race < MAX_RACES; race++) {
    const snapshot = await unfenced(table, options)
    if ('conflict' in snapshot) return snapshot
    requirePlain(table.name, snapshot)
    const made = (await attempt(snapshot)) ?? nothing(options)
    if (made.actions.length === 0 && !options.txn) return { kind: 'unchanged', version: snapshot.version }
    const outcome = await table.delta.commit(snapshot, transactionOf(table, made, options))
    table.adopt(outcome.snapshot)
    if (outcome.kind === 'committed') return { kind: 'committed', version: outcome.version, rows: made.rows }
    await table.lake.store.delete(made.written)
    if (once || outcome.conflict.kind === 'concurrent_transaction') return outcome
  }
  throw new LakeError(
    'outraced',
    `table ${table.name}: ${MAX_RACES} attempts were lost to other writers; nothing was written, try again`,
  )
}

export function addOf(file: WrittenFile, now: number, dataChange = true): { add: AddFile } {
  return {
    add: {
      path: file.path,
      partitionValues: {},
      size: file.size,
      modificationTime: now,
      dataChange,
      stats: file.stats,
    },
  }
}

export function removeOf(file: AddFile, now: number, dataChange = true): { remove: RemoveFile } {
  return {
    remove: {
      path: file.path,
      deletionTimestamp: now,
      dataChange,
      extendedFileMetadata: true,
      partitionValues: file.partitionValues,
      size: file.size,
    },
  }
}

const nothing = (options: WriteOptions): Attempt => ({
  actions: [],
  operation: options.operation ?? 'WRITE',
  reads: { kind: 'nothing' },
  rows: NO_ROWS,
  written: [],
})

function transactionOf(table: LakeTable, attempt: Attempt, options: WriteOptions): Transaction {
  const { txn } = options
  return {
    actions: txn
      ? [{ txn: { appId: txn.appId, version: txn.version, lastUpdated: table.lake.now() } }, ...attempt.actions]
      : attempt.actions,
    operation: options.operation ?? attempt.operation,
    operationParameters: attempt.parameters,
    operationMetrics: {
      numTargetRowsInserted: attempt.rows.inserted,
      numTargetRowsUpdated: attempt.rows.updated,
      numTargetRowsDeleted: attempt.rows.deleted,
    },
    commitInfo: options.commitInfo,
    reads: attempt.reads,
    isolation: attempt.isolation,
  }
}

async function unfenced(
  table: LakeTable,
  { txn }: WriteOptions,
): Promise<Snapshot | (WriteOutcome & { conflict: Conflict })> {
  if (txn?.after === undefined) return table.snapshot
  if (applied(table.snapshot, txn.appId) !== txn.after) await table.refresh()
  const { snapshot } = table
  if (applied(snapshot, txn.appId) === txn.after) return snapshot
  return {
    kind: 'conflict',
    conflict: { kind: 'concurrent_transaction', version: snapshot.version, subject: txn.appId },
  }
}

const applied = (snapshot: Snapshot, appId: string) => Number(snapshot.txn(appId) ?? -1)

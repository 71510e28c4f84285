import type { AddFile, RemoveFile } from './actions.ts'
import type { Commit } from './commit.ts'
import { canonicalPath } from './data-path.ts'
import type { CommitRequest } from './try-commit.ts'

/**
 * What a transaction read, so that it can be told whether a commit that came first would have changed it.
 * - `nothing`: it only adds rows that depend on no other row (a blind append).
 * - `files`: the files for which the predicate holds; it is asked about files that appeared or went meanwhile.
 * - `table`: everything.
 */
export type Reads = { kind: 'nothing' } | { kind: 'files'; matches: (file: AddFile) => boolean } | { kind: 'table' }

/**
 * - `Serializable`: there is an order of all commits that gives this table.
 * - `WriteSerializable`: as above, but blind appends may be put before a commit that did not see them. Delta's default.
 * - `SnapshotIsolation`: only writes are checked against writes; for commits that only rearrange rows.
 */
export type Isolation = 'Serializable' | 'WriteSerializable' | 'SnapshotIsolation'

export interface Transaction extends CommitRequest {
  reads: Reads
  /** Default: `SnapshotIsolation` if no action changes rows, else `Serializable`. */
  isolation?: Isolation
  /** Applications whose `txn` version was read: a winner that moved one is a conflict. Those written count too. */
  appIds?: readonly string[]
}

/** Why a transaction cannot follow a commit that came first (names as in Delta's exceptions). */
export interface Conflict {
  kind:
    | 'protocol_changed'
    | 'metadata_changed'
    | 'concurrent_append'
    | 'concurrent_delete_read'
    | 'concurrent_delete_delete'
    | 'concurrent_transaction'
    | 'concurrent_domain_metadata'
  /** The winning version. */
  version: number
  /** Path, appId or domain that both touch. */
  subject?: string
}

/**
 * Whether a transaction may be committed after a winner as if it had begun after it. The rules are those of Delta's
 * reference implementation; PROTOCOL.md asks for serial history (Delta Table Specification) and leaves them open.
 * @param active the file that a path stood for when the transaction began
 */
export function conflictWith(
  transaction: Transaction,
  winner: Commit,
  active: (path: string) => AddFile | undefined,
): Conflict | undefined {
  const { version } = winner
  const isolation = isolationOf(transaction)
  const ours = touched(transaction)
  const blind = winner.commitInfo?.isBlindAppend === true && winner.actions.every((action) => !('remove' in action))
  for (const action of winner.actions) {
    if ('protocol' in action) return { kind: 'protocol_changed', version }
    if ('metaData' in action) return { kind: 'metadata_changed', version }
    if ('txn' in action && ours.appIds.has(action.txn.appId))
      return { kind: 'concurrent_transaction', version, subject: action.txn.appId }
    if ('domainMetadata' in action && ours.domains.has(action.domainMetadata.domain))
      return { kind: 'concurrent_domain_metadata', version, subject: action.domainMetadata.domain }
    if ('remove' in action) {
      const conflict = removedUnderUs(transaction, isolation, ours.removed, action.remove, active)
      if (conflict) return { kind: conflict, version, subject: action.remove.path }
    }
    if ('add' in action && action.add.dataChange && isolation !== 'SnapshotIsolation') {
      const counts = !blind || isolation === 'Serializable' || ours.metadata
      if (counts && reads(transaction.reads, action.add))
        return { kind: 'concurrent_append', version, subject: action.add.path }
    }
    // Two commits that add the same path: data files must be uniquely named, deletion vectors aside.
    if ('add' in action && ours.added.has(canonicalPath(action.add.path)))
      return { kind: 'concurrent_append', version, subject: action.add.path }
  }
  return undefined
}

export function isolationOf(transaction: Transaction): Isolation {
  if (transaction.isolation) return transaction.isolation
  const changes = transaction.actions.some(
    (action) => ('add' in action && action.add.dataChange) || ('remove' in action && action.remove.dataChange),
  )
  const rearranges = !changes && transaction.actions.some((action) => 'add' in action || 'remove' in action)
  return rearranges ? 'SnapshotIsolation' : 'Serializable'
}

function removedUnderUs(
  transaction: Transaction,
  isolation: Isolation,
  removed: ReadonlySet<string>,
  remove: RemoveFile,
  active: (path: string) => AddFile | undefined,
): Conflict['kind'] | undefined {
  if (removed.has(canonicalPath(remove.path))) return 'concurrent_delete_delete'
  // A removal that only rearranges leaves every row that was read: what was read still holds.
  if (!remove.dataChange || isolation === 'SnapshotIsolation') return undefined
  if (transaction.reads.kind === 'nothing') return undefined
  if (transaction.reads.kind === 'table') return 'concurrent_delete_read'
  const file = active(remove.path)
  return file && !reads(transaction.reads, file) ? undefined : 'concurrent_delete_read'
}

function reads(what: Reads, file: AddFile): boolean {
  return what.kind === 'table' || (what.kind === 'files' && what.matches(file))
}

function touched(transaction: Transaction) {
  const touch = {
    added: new Set<string>(),
    removed: new Set<string>(),
    appIds: new Set(transaction.appIds),
    domains: new Set<string>(),
    metadata: false,
  }
  for (const action of transaction.actions) {
    if ('add' in action) touch.added.add(canonicalPath(action.add.path))
    else if ('remove' in action) touch.removed.add(canonicalPath(action.remove.path))
    else if ('txn' in action) touch.appIds.add(action.txn.appId)
    else if ('domainMetadata' in action) touch.domains.add(action.domainMetadata.domain)
    else if ('metaData' in action || 'protocol' in action) touch.metadata = true
  }
  return touch
}

import type { Action, CommitInfo } from './actions.ts'
import { type Commit, commitInfoOf } from './commit.ts'
import { canonicalPath } from './data-path.ts'
import { DeltaError } from './delta-error.ts'
import { advanced, follow, trusted } from './follow-log.ts'
import { outlived } from './open-snapshot.ts'
import { requireWritable } from './protocol.ts'
import { deletionVectorId } from './reconciliation.ts'
import { sendCommit } from './send-commit.ts'
import type { Snapshot } from './snapshot.ts'
import type { TableAccess } from './table-access.ts'

/** What a commit says. */
export interface CommitRequest {
  /** All but `commitInfo`. Paths are URI-encoded and relative to the root. */
  actions: readonly Action[]
  /** Delta's name of the operation: `WRITE`, `MERGE`, `DELETE`, `OPTIMIZE`, … */
  operation: string
  /** Values that are no texts are written as JSON text, as Spark does. */
  operationParameters?: Readonly<Record<string, unknown>>
  operationMetrics?: Readonly<Record<string, string | number>>
  /** Whether the actions depend on nothing that was read. Left out: `false`. */
  isBlindAppend?: boolean
  isolationLevel?: 'Serializable' | 'WriteSerializable' | 'SnapshotIsolation'
  /** Further members of the `commitInfo` action, kept as they are. */
  commitInfo?: Readonly<Record<string, unknown>>
  /** Rules about rows that the caller has kept itself (`RowRule`). */
  enforces?: readonly string[]
}

/**
 * - `committed`: the actions are version `version`, and `snapshot` is the table there.
 * - `lost`: somebody else has made `snapshot.version + 1`. `winners` are all commits since, oldest first; `snapshot` is
 *   the table after them. Nothing of ours was written.
 */
export type TryCommitOutcome =
  | { kind: 'committed'; version: number; snapshot: Snapshot }
  | { kind: 'lost'; winners: Commit[]; snapshot: Snapshot }

const ENGINE = 'sluice-delta/0.1.0'

/**
 * One attempt to commit exactly as version `snapshot.version + 1`. One conditional put, nothing else, while it wins and
 * the snapshot is fresh. A put that throws is settled by reading back and sending again: the commit carries a token of
 * its own (`commitInfo.txnId`).
 * Throws `invalid_commit`, `unsupported_feature`, `snapshot_expired`, and `unknown_outcome` if the store stays out of
 * reach: then the commit may be there or come later; read the log before trying anything else.
 */
export async function tryCommit(
  access: TableAccess,
  snapshot: Snapshot,
  request: CommitRequest,
): Promise<TryCommitOutcome> {
  const { root } = access
  requireWritable(snapshot, request.actions, request.enforces)
  requireConsistent(request.actions, root)
  const started_ms = access.now()
  const fresh = trusted(snapshot.confirmed_at_ms, started_ms) || !(await outlived(access, snapshot))
  const version = snapshot.version + 1
  const { commit, token } = commitOf(access, snapshot, request)
  if (!fresh || (await sendCommit(access, commit, token)) === 'lost') return lost(access, snapshot)
  return { kind: 'committed', version, snapshot: advanced(snapshot, [commit], started_ms) }
}

async function lost(access: TableAccess, snapshot: Snapshot): Promise<TryCommitOutcome> {
  const {
    snapshot: newest,
    commits: winners,
    end,
  } = await follow(access, snapshot, {
    since_ms: snapshot.confirmed_at_ms,
    at_ms: access.now(),
  })
  if (winners.length > 0 && end === 'newest') return { kind: 'lost', winners, snapshot: newest }
  throw new DeltaError(
    'snapshot_expired',
    `${access.root}: the log entries after version ${snapshot.version} were cleaned up, or it is another table by now: open it again`,
    { retryable: true },
  )
}

function commitOf(access: TableAccess, snapshot: Snapshot, request: CommitRequest): { commit: Commit; token: string } {
  const token = access.token()
  // Strictly later than the version before, whatever the clock says (PROTOCOL.md, In-Commit Timestamps, asks the same).
  const timestamp_ms = Math.max(access.now(), snapshot.timestamp_ms + 1)
  const commitInfo: CommitInfo = {
    ...(snapshot.properties.inCommitTimestamps ? { inCommitTimestamp: timestamp_ms } : {}),
    timestamp: timestamp_ms,
    operation: request.operation,
    operationParameters: asTexts(request.operationParameters ?? {}),
    readVersion: snapshot.version,
    isolationLevel: request.isolationLevel ?? 'Serializable',
    isBlindAppend: request.isBlindAppend ?? false,
    ...(request.operationMetrics ? { operationMetrics: asTexts(request.operationMetrics) } : {}),
    engineInfo: ENGINE,
    ...request.commitInfo,
    txnId: token,
  }
  const actions: Action[] = [{ commitInfo }, ...request.actions]
  return { token, commit: { version: snapshot.version + 1, timestamp_ms, actions, commitInfo: commitInfoOf(actions) } }
}

export function asTexts(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null'),
    ]),
  )
}

/** PROTOCOL.md, Delta Log Entries: no two actions of an entry may reconcile with each other. */
function requireConsistent(actions: readonly Action[], root: string): void {
  const seen = new Set<string>()
  for (const action of actions)
    for (const id of identities(action)) {
      if (seen.has(id)) throw new DeltaError('invalid_commit', `${root}: two actions of the commit are about ${id}`)
      seen.add(id)
    }
}

function* identities(action: Action): Generator<string> {
  if ('commitInfo' in action) yield 'commitInfo'
  else if ('metaData' in action) yield 'metaData'
  else if ('protocol' in action) yield 'protocol'
  else if ('txn' in action) yield `txn ${action.txn.appId}`
  else if ('domainMetadata' in action) yield `domainMetadata ${action.domainMetadata.domain}`
  else if ('cdc' in action) yield `cdc ${action.cdc.path}`
  else {
    const [kind, file] = 'add' in action ? ['add', action.add] : ['remove', action.remove]
    const path = canonicalPath(file.path)
    yield `${kind} ${path}`
    yield `file ${path} ${deletionVectorId(file.deletionVector)}`
  }
}

import { type Conflict, conflictWith, isolationOf, type Transaction } from './conflict.ts'
import { DeltaError } from './delta-error.ts'
import type { Snapshot } from './snapshot.ts'
import type { TableAccess } from './table-access.ts'
import { type TryCommitOutcome, tryCommit } from './try-commit.ts'

/**
 * - `committed`: as version `version`, perhaps after others that did not matter; `races` were lost before.
 * - `conflict`: a commit that came first changed what the transaction depends on. Nothing was written. Read `snapshot`
 *   and do the work again.
 */
export type CommitOutcome =
  | { kind: 'committed'; version: number; snapshot: Snapshot; races: number }
  | { kind: 'conflict'; conflict: Conflict; snapshot: Snapshot }

const MAX_RACES = 1_000

/**
 * Commits a transaction that was made on a snapshot. After a lost race it reads the winners and follows them if none
 * changed what the transaction read or writes; else it reports the first that did. Throws as `tryCommit`.
 */
export async function commit(
  access: TableAccess,
  snapshot: Snapshot,
  transaction: Transaction,
): Promise<CommitOutcome> {
  const blind =
    transaction.reads.kind === 'nothing' && transaction.actions.every((action) => 'add' in action || 'txn' in action)
  const request = { isBlindAppend: blind, ...transaction, isolationLevel: isolationOf(transaction) }
  let on = snapshot
  for (let races = 0; races < MAX_RACES; races++) {
    const outcome: TryCommitOutcome = await tryCommit(access, on, request)
    if (outcome.kind === 'committed') return { ...outcome, races }
    for (const winner of outcome.winners) {
      const conflict = conflictWith(transaction, winner, (path) => on.file(path) ?? snapshot.file(path))
      if (conflict) return { kind: 'conflict', conflict, snapshot: outcome.snapshot }
    }
    on = outcome.snapshot
  }
  throw new DeltaError('invalid_commit', `${access.root}: ${MAX_RACES} races were lost; too many writers at once`, {
    retryable: true,
  })
}

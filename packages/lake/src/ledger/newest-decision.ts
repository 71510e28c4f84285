import type { Commit, Snapshot } from '@sluice/delta'
import type { LedgerLog } from './ledger-log.ts'
import { type LedgerNote, ledgerNoteOf } from './plan.ts'

/** What one commit of the ledger decided. */
export interface Decision {
  version: number
  note: LedgerNote
}

/** The newest decision among commits, oldest first. */
export function lastDecision(commits: readonly Commit[]): Decision | undefined {
  for (const commit of commits.toReversed()) {
    const decision = decisionOf(commit)
    if (decision) return decision
  }
  return undefined
}

/** A snapshot and the newest decision up to it; of a later version if that decision is cleaned up while it is looked for. */
export async function withNewestDecision(
  log: LedgerLog,
  at: Snapshot,
): Promise<{ snapshot: Snapshot; newest: Decision | undefined }> {
  let snapshot = at
  for (let version = snapshot.version; version > 0; ) {
    const commit = await log.readCommit(version)
    const newest = commit && decisionOf(commit)
    if (newest) return { snapshot, newest }
    if (commit) {
      version--
      continue
    }
    const later = await log.snapshot()
    if (later.version <= snapshot.version)
      throw new Error(
        `ledger: version ${version} was removed before a later decision replaced it; the log was cleaned by something that does not know the ledger`,
      )
    snapshot = later
    version = later.version
  }
  return { snapshot, newest: undefined }
}

/** What a commit decided; `undefined` for those of compactions and other engines. */
function decisionOf({ version, commitInfo }: Commit): Decision | undefined {
  const note = ledgerNoteOf(commitInfo)
  return note && { version, note }
}

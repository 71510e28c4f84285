import type { Action, Commit, Snapshot, TryCommitOutcome } from '@sluice/delta'

/** The part of a Delta table that the ledger is built on. */
export interface LedgerLog {
  snapshot(): Promise<Snapshot>
  update(snapshot: Snapshot): Promise<Snapshot>
  tryCommit(snapshot: Snapshot, commit: LedgerCommit): Promise<TryCommitOutcome>
  readCommit(version: number): Promise<Commit | undefined>
}

export interface LedgerCommit {
  actions: Action[]
  operation: string
  commitInfo: Readonly<Record<string, unknown>>
}

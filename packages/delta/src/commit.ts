import type { Action, CommitInfo } from './actions.ts'

/** One version of the table as its log entry tells it. */
export interface Commit {
  version: number
  /** When it was committed, before the rule that times strictly increase is applied; see `commitTimestamp`. */
  timestamp_ms: number
  /** All its actions, `commitInfo` included, in the order of the file; actions that are not known are left out. */
  actions: Action[]
  commitInfo: CommitInfo | undefined
}

/**
 * When a commit happened, milliseconds: `inCommitTimestamp` where there is one (PROTOCOL.md, In-Commit Timestamps),
 * else `commitInfo.timestamp`, else when the log entry was written. The middle source is ours: unlike the file's
 * modification time it survives a copy of the table.
 */
export function commitTimestamp(commitInfo: CommitInfo | undefined, modified_at_ms: number): number {
  return commitInfo?.inCommitTimestamp ?? commitInfo?.timestamp ?? modified_at_ms
}

export function commitInfoOf(actions: readonly Action[]): CommitInfo | undefined {
  for (const action of actions) if ('commitInfo' in action) return action.commitInfo
  return undefined
}

import type { Commit } from './commit.ts'
import { listLog } from './log-segment.ts'
import { commitsAfter } from './read-commit.ts'
import { Replay } from './reconciliation.ts'
import { Snapshot } from './snapshot.ts'
import type { TableAccess } from './table-access.ts'

/** A snapshot that was not confirmed for this long is checked against a listing before it is trusted as the newest. */
const TRUSTED_FOR_MS = 10 * 60_000

/** Whether a next version that could only be written after `since_ms` is too young to have been cleaned up. */
export const trusted = (since_ms: number, at_ms: number) => at_ms - since_ms <= TRUSTED_FOR_MS

/**
 * Where the versions after a snapshot end.
 * - `newest`: there was none after it, or it is the one that was asked for.
 * - `gone`: there are later ones, and those between were cleaned up.
 * - `unlisted`: neither it nor a later one is listed: the listing is old, or the log was begun anew.
 */
export type LogEnd = 'newest' | 'gone' | 'unlisted'

/**
 * Follows the log from a snapshot to its end, or to a version. That the next version is absent means that there is none
 * if it could only have been written after `since_ms` and is `trusted`; else a listing has to agree.
 */
export async function follow(
  access: TableAccess,
  from: Snapshot,
  { since_ms, at_ms, to }: { since_ms: number; at_ms: number; to?: number | undefined },
): Promise<{ snapshot: Snapshot; commits: Commit[]; end: LogEnd }> {
  const commits: Commit[] = []
  let snapshot = from
  for (let listed = -1; ; ) {
    const before = snapshot.version
    const more: Commit[] = []
    if (to === undefined || before < to)
      for await (const commit of commitsAfter(access, before)) {
        more.push(commit)
        if (commit.version === to) break
      }
    commits.push(...more)
    snapshot = advanced(snapshot, more, at_ms)
    if (snapshot.version === to || trusted(Math.max(since_ms, snapshot.timestamp_ms), at_ms))
      return { snapshot, commits, end: 'newest' }
    if (listed > before && more.length === 0) return { snapshot, commits, end: 'gone' }
    listed = await newestListed(access, snapshot.version)
    // What is listed beyond may only have come since: followed once more, it shows.
    if (listed <= snapshot.version) return { snapshot, commits, end: listed < snapshot.version ? 'unlisted' : 'newest' }
  }
}

/** The state after further commits. */
export function advanced(snapshot: Snapshot, commits: readonly Commit[], confirmed_at_ms: number): Snapshot {
  const last = commits.at(-1)
  if (!last) return snapshot.confirmed(confirmed_at_ms)
  const replay = new Replay(snapshot.state)
  let timestamp_ms = snapshot.timestamp_ms
  for (const commit of commits) {
    replay.apply(commit.actions)
    timestamp_ms = Math.max(commit.timestamp_ms, timestamp_ms + 1)
  }
  const state = replay.finish(timestamp_ms - snapshot.properties.deletedFileRetention_ms)
  return new Snapshot({ root: snapshot.root, version: last.version, timestamp_ms, confirmed_at_ms }, state, snapshot)
}

/** -1 if nothing is listed from a version on. */
export async function newestListed(access: TableAccess, from: number): Promise<number> {
  const { commits, checkpoints } = await listLog(access.store, access.root, from)
  return Math.max(...[...commits.keys()].slice(-1), ...checkpoints.slice(-1).map(({ version }) => version), -1)
}

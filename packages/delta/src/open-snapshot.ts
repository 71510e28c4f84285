import { parseActions } from './action-json.ts'
import { readCheckpoint } from './checkpoint.ts'
import type { Commit } from './commit.ts'
import { DeltaError } from './delta-error.ts'
import { follow, newestListed } from './follow-log.ts'
import { readLastCheckpoint } from './last-checkpoint.ts'
import { commitKey, lastCheckpointKey } from './log-path.ts'
import { type LogSegment, listLog, logSegment, missingVersion, type SegmentEntry } from './log-segment.ts'
import { opened, READ_AHEAD, readCommit, readProvenance, settled } from './read-commit.ts'
import { Replay } from './reconciliation.ts'
import { Snapshot } from './snapshot.ts'
import type { TableAccess } from './table-access.ts'
import { tableProperties } from './table-properties.ts'

/** A log may be cleaned up while it is read; it is listed again at most this often. */
const MAX_LISTINGS = 5

/**
 * The table at a version, the newest if none is given. Costs one read of `_last_checkpoint`, one listing from there, the
 * checkpoint, the commits after it, and one read that finds no newer commit; a table that nobody wrote to for ten minutes
 * costs a second listing (`trusted`).
 * Throws a `DeltaError`; every code but `invalid_commit` and `unknown_outcome` can come.
 */
export async function openSnapshot(access: TableAccess, version?: number): Promise<Snapshot> {
  if (version !== undefined && !(Number.isSafeInteger(version) && version >= 0))
    throw new DeltaError('version_not_found', `${access.root}: a version should be a whole number and is ${version}`)
  const at_ms = access.now()
  let tried: LogSegment | undefined
  for (let listing = 1; ; listing++) {
    const segment = await findSegment(access, version)
    try {
      const start = await replaySegment(access, segment, at_ms)
      const { snapshot, end } = await follow(access, start, { since_ms: 0, at_ms, to: version })
      if (end === 'gone') throw missingVersion(access.root, snapshot.version + 1)
      if (version === undefined || version === snapshot.version) return snapshot
      throw new DeltaError(
        'version_not_found',
        `${access.root}: version ${version} does not exist; the newest is ${snapshot.version}`,
      )
    } catch (error) {
      const vanished = error instanceof DeltaError && error.retryable
      if (!vanished || listing === MAX_LISTINGS || (tried && sameStart(tried, segment))) throw error
      tried = segment
    }
  }
}

/**
 * The newest version, from an earlier snapshot: reads only the commits since, and one that is not there yet.
 * Throws as `openSnapshot`.
 */
export async function updateSnapshot(access: TableAccess, snapshot: Snapshot): Promise<Snapshot> {
  const { snapshot: newest, end } = await follow(access, snapshot, {
    since_ms: snapshot.confirmed_at_ms,
    at_ms: access.now(),
  })
  return end === 'newest' ? newest : openSnapshot(access)
}

/** Whether the log went on without a snapshot: its successors were cleaned up, or another table is there by now. */
export async function outlived(access: TableAccess, snapshot: Snapshot): Promise<boolean> {
  const newest = await newestListed(access, snapshot.version)
  if (newest >= snapshot.version) return newest > snapshot.version
  // Neither it nor a later one is listed: the listing is old, or the log was begun anew.
  const now = await openSnapshot(access)
  return now.version !== snapshot.version || now.tableId !== snapshot.tableId
}

async function findSegment(access: TableAccess, version: number | undefined): Promise<LogSegment> {
  const { store, root } = access
  const hint = (await readLastCheckpoint(store, root))?.version
  if (hint !== undefined && (version === undefined || version >= hint)) {
    const listing = await listLog(store, root, hint)
    const segment = listing.checkpoints.some((checkpoint) => checkpoint.version >= hint)
    const found = segment ? logSegment(root, listing, version) : undefined
    if (found) return found
  }
  const segment = logSegment(root, await listLog(store, root), version)
  if (segment) return segment
  // A listing may be older than the log.
  const first = await store.head(commitKey(root, 0))
  if (!first && hint === undefined) throw new DeltaError('table_not_found', `${root}: there is no Delta log here`)
  if (!first)
    throw new DeltaError(
      'missing_version',
      `${root}: a checkpoint of version ${hint} is spoken of (${lastCheckpointKey(root)}) and no log is listed; try again, or remove it if the log was deleted`,
      { retryable: true },
    )
  return { version: 0, checkpoint: undefined, entries: [{ kind: 'commit', version: 0, modified_at_ms: undefined }] }
}

const sameStart = (a: LogSegment, b: LogSegment) =>
  a.checkpoint?.keys[0] === b.checkpoint?.keys[0] && a.entries[0]?.version === b.entries[0]?.version

async function replaySegment(access: TableAccess, segment: LogSegment, at_ms: number): Promise<Snapshot> {
  const { root } = access
  const replay = new Replay()
  if (segment.checkpoint) for await (const actions of readCheckpoint(access, segment.checkpoint)) replay.apply(actions)
  let timestamp_ms: number | undefined
  for await (const entry of entriesInOrder(access, segment)) {
    replay.apply(entry.actions)
    timestamp_ms = entry.timestamp_ms && Math.max(entry.timestamp_ms, (timestamp_ms ?? Number.NEGATIVE_INFINITY) + 1)
  }
  timestamp_ms ??=
    (await readProvenance(access, segment.version))?.timestamp_ms ?? segment.checkpoint?.modified_at_ms ?? 0
  const at = { root, version: segment.version, timestamp_ms, confirmed_at_ms: at_ms }
  const state = replay.finish()
  const retention = state.metadata ? tableProperties(state.metadata).deletedFileRetention_ms : 0
  return new Snapshot(at, new Replay(state).finish(timestamp_ms - retention))
}

/** Reads a segment's entries ahead of their turn, in order. A compaction has no time of its own. */
async function* entriesInOrder(
  access: TableAccess,
  segment: LogSegment,
): AsyncGenerator<{ actions: Commit['actions']; timestamp_ms: number | undefined }> {
  const { entries } = segment
  const pending: Promise<PromiseSettledResult<{ actions: Commit['actions']; timestamp_ms: number | undefined }>>[] = []
  for (let at = 0; at < entries.length; at++) {
    for (let next = at + pending.length; next < entries.length && pending.length < READ_AHEAD; next++) {
      const entry = entries[next]
      if (entry) pending.push(settled(readEntry(access, entry)))
    }
    const read = pending.shift()
    if (read) yield opened(read)
  }
}

async function readEntry(
  access: TableAccess,
  entry: SegmentEntry,
): Promise<{ actions: Commit['actions']; timestamp_ms: number | undefined }> {
  if (entry.kind === 'compacted') {
    const bytes = await access.store.get(entry.key)
    if (!bytes) throw missingVersion(access.root, entry.version)
    return { actions: parseActions(bytes, entry.key).actions, timestamp_ms: undefined }
  }
  const commit = await readCommit(access, entry.version, entry.modified_at_ms)
  if (!commit) throw missingVersion(access.root, entry.version)
  return commit
}

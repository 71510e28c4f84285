import { readCheckpointSidecars } from './checkpoint.ts'
import { logFile, logPrefix, sidecarPrefix } from './log-path.ts'
import { listLog } from './log-segment.ts'
import { readProvenance } from './read-commit.ts'
import type { TableAccess } from './table-access.ts'

const DAY_MS = 86_400_000
/** At most this many files are deleted in one call. */
const MAX_DELETES = 100_000

export interface LogCleanup {
  /**
   * Log entries older than this may go. While others may hold snapshots it should be longer than ten
   * minutes: until then a snapshot takes the absence of a next version for being the newest.
   */
  retention_ms: number
  /** Versions that somebody still needs to open: they, and all after the oldest of them, stay readable. */
  pins?: readonly number[]
  dryRun?: boolean
}

/**
 * Removes expired log entries by PROTOCOL.md, Metadata Cleanup: finds the newest checkpoint not newer than the newest
 * expired commit nor any pin, keeps it, its commit and everything after, and deletes what is before. Unlike there, the
 * threshold is an instant, not a midnight. Without such a checkpoint nothing is deleted.
 * @returns what was (or would be) deleted; versions from `oldest` on can be opened
 */
export async function cleanLog(
  access: TableAccess,
  cleanup: LogCleanup,
): Promise<{ deleted: string[]; oldest: number | undefined }> {
  const { store, root } = access
  const listing = await listLog(store, root)
  const cutoff_ms = access.now() - cleanup.retention_ms
  const cutoff = Math.min(await newestExpired(access, [...listing.commits.keys()], cutoff_ms), ...(cleanup.pins ?? []))
  const checkpoint = listing.checkpoints.findLast(({ version }) => version <= cutoff && listing.commits.has(version))
  if (!checkpoint) return { deleted: [], oldest: listing.commits.keys().next().value }
  const doomed: string[] = []
  for await (const { key } of store.list(logPrefix(root))) {
    const name = key.slice(logPrefix(root).length)
    if (name > ':') break
    const file = logFile(name)
    if (!file) continue
    // Names begin with the version: what follows is kept.
    if (file.version > checkpoint.version || doomed.length >= MAX_DELETES) break
    const covered = file.kind === 'compacted' ? file.version <= checkpoint.version : file.version < checkpoint.version
    if (covered) doomed.push(key)
  }
  // Oldest first and in pieces: if it is interrupted, what is left is still a log without gaps from some version on.
  if (!cleanup.dryRun)
    for (let at = 0; at < doomed.length; at += 1_000) await store.delete(doomed.slice(at, at + 1_000))
  const sidecars = await orphanedSidecars(access, new Set(doomed))
  if (!cleanup.dryRun && sidecars.length > 0) await store.delete(sidecars)
  return { deleted: [...doomed, ...sidecars], oldest: checkpoint.version }
}

/** The newest version that is older than the threshold, -1 for none. Times ascend, so halving finds it. */
async function newestExpired(access: TableAccess, versions: readonly number[], cutoff_ms: number): Promise<number> {
  let low = 0
  let high = versions.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const commit = await readProvenance(access, versions[middle] ?? 0)
    if (commit && commit.timestamp_ms <= cutoff_ms) low = middle + 1
    else high = middle
  }
  return versions[low - 1] ?? -1
}

/** Sidecars of no checkpoint that is left, older than a day: younger ones may belong to one being written. */
async function orphanedSidecars(access: TableAccess, gone: ReadonlySet<string>): Promise<string[]> {
  const { store, root } = access
  const old = access.now() - DAY_MS
  const candidates: string[] = []
  for await (const { key, modified_at_ms } of store.list(sidecarPrefix(root))) {
    if (modified_at_ms < old) candidates.push(key)
    if (candidates.length >= MAX_DELETES) break
  }
  if (candidates.length === 0) return []
  const used = new Set<string>()
  for (const checkpoint of (await listLog(store, root)).checkpoints)
    if (!checkpoint.keys.some((key) => gone.has(key)))
      for (const key of await readCheckpointSidecars(access, checkpoint)) used.add(key)
  return candidates.filter((key) => !used.has(key))
}

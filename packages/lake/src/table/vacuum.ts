import type { ObjectInfo } from '@sluice/object-store'
import { canonicalKey } from './data-key.ts'
import type { LakeTable } from './lake-table.ts'
import { neededByPins } from './needed-by-pins.ts'

export interface VacuumOptions {
  /** A file that left the table longer ago than this may go. Default: the table's `delta.deletedFileRetentionDuration`. */
  retention_ms?: number
  /**
   * A file that no version is known to hold (cut-off writes, rows waiting to be merged, change files) must be at least
   * this old too. Default a day.
   */
  orphan_ms?: number
  /** Further paths that somebody needs: rows that wait to be merged. */
  keep?: (path: string) => boolean
  dry_run?: boolean
}

export interface Vacuumed {
  /** Keys deleted, or that would be. */
  deleted: string[]
  bytes: number
}

const DAY_MS = 86_400_000
const DELETES_AT_ONCE = 1_000
/** At most this many files go in one call. */
const MAX_DELETES = 100_000
const LOG = '_delta_log/'
/** Sorts after all that is in the log's folder, and before every other key. */
const AFTER_LOG = '_delta_log0'
/** Folders that hold no rows. */
const NOT_DATA = [LOG, '_pins/']

/**
 * Deletes files that no version within retention, no pinned version and no change since a pinned version needs.
 * Interrupted at any point it has done no harm.
 */
export async function vacuum(table: LakeTable, options: VacuumOptions): Promise<Vacuumed> {
  const { store, now } = table.lake
  // Before the pins and the log are read: what is written from here on is younger than the cutoffs.
  const started_ms = now()
  const { snapshot } = await table.refresh()
  const retention_ms = options.retention_ms ?? snapshot.properties.deletedFileRetention_ms
  const orphan_ms = options.orphan_ms ?? DAY_MS
  const pinned = await neededByPins(table, started_ms - retention_ms)
  const cutoff_ms = Math.min(started_ms - retention_ms, pinned.since_ms)
  const orphan_cutoff_ms = Math.min(started_ms - Math.max(retention_ms, orphan_ms), pinned.since_ms - orphan_ms)
  const needed = new Set<string>()
  for (const version of pinned.oldest ? [snapshot, pinned.oldest] : [snapshot])
    for (const { path } of version.files()) needed.add(canonicalKey(table, path))
  const left = new Map<string, number>()
  for (const tombstone of snapshot.tombstones())
    left.set(canonicalKey(table, tombstone.path), tombstone.deletionTimestamp ?? 0)
  const found: Vacuumed = { deleted: [], bytes: 0 }
  for await (const { key, size, modified_at_ms } of objectsBesideLog(table)) {
    const path = key.slice(table.root.length + 1)
    if (NOT_DATA.some((folder) => path.startsWith(folder)) || needed.has(key) || options.keep?.(path)) continue
    const left_ms = left.get(key)
    const expired = left_ms === undefined ? modified_at_ms < orphan_cutoff_ms : left_ms < cutoff_ms
    if (!expired) continue
    found.deleted.push(key)
    found.bytes += size
    if (found.deleted.length >= MAX_DELETES) break
  }
  if (!options.dry_run)
    for (let at = 0; at < found.deleted.length; at += DELETES_AT_ONCE)
      await store.delete(found.deleted.slice(at, at + DELETES_AT_ONCE))
  return found
}

/** The log may have many times as many objects as the table has files. */
async function* objectsBesideLog(table: LakeTable): AsyncGenerator<ObjectInfo> {
  const { store } = table.lake
  for await (const object of store.list(table.key(''))) {
    if (object.key.startsWith(table.key(LOG))) break
    yield object
  }
  yield* store.list(table.key(''), { start_after: table.key(AFTER_LOG) })
}

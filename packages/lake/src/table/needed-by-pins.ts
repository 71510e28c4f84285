import { DeltaError, type Snapshot } from '@sluice/delta'
import type { LakeTable } from './lake-table.ts'

/** What the pins of a table keep from being deleted. */
export interface NeededByPins {
  /** What was written or left the table from then on (milliseconds since the epoch); Infinity: nothing. */
  since_ms: number
  /** The oldest pinned version: its files that left later. */
  oldest?: Snapshot
}

/** From when a file of a commit is written until the commit's own time, by whoever's clock. */
const LONGEST_WRITE_MS = 3_600_000

const NOTHING: NeededByPins = { since_ms: Number.POSITIVE_INFINITY }

/**
 * Whatever is read of a pinned version and the changes after it: the version's own files, and those that came or went
 * after it. Told by two instants and one snapshot, not by reading every commit since, of which a busy table makes a
 * hundred thousand a day: a store that stays away must not burden whoever cleans up.
 *
 * @param kept_since_ms what left the table, or was written, since then is kept anyway
 */
export async function neededByPins(table: LakeTable, kept_since_ms: number): Promise<NeededByPins> {
  const versions = (await table.pins()).map(({ version }) => version)
  for (const version of versions.sort((a, b) => a - b)) {
    if (version >= table.version) return NOTHING
    // Until the next version was committed, the pinned one was the newest.
    const next = await table.delta.readCommit(version + 1)
    // The log after it is gone: whoever set the pin finds that out, and loads the table anew. The other pins hold.
    if (!next) continue
    const since_ms = next.timestamp_ms - LONGEST_WRITE_MS
    if (since_ms >= kept_since_ms) return NOTHING
    const oldest = await snapshotIfThere(table, version)
    return oldest ? { since_ms, oldest } : { since_ms }
  }
  return NOTHING
}

async function snapshotIfThere(table: LakeTable, version: number): Promise<Snapshot | undefined> {
  try {
    return await table.delta.snapshot(version)
  } catch (error) {
    if (!(error instanceof DeltaError) || !GONE.has(error.code)) throw error
    return undefined
  }
}

const GONE: ReadonlySet<string> = new Set(['version_not_found', 'missing_version'])

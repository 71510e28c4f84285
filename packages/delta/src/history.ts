import type { CommitInfo } from './actions.ts'
import { DeltaError } from './delta-error.ts'
import { listLog } from './log-segment.ts'
import { readProvenance } from './read-commit.ts'
import type { TableAccess } from './table-access.ts'

/** One version as `DESCRIBE HISTORY` tells it. */
export interface HistoryEntry {
  version: number
  timestamp_ms: number
  operation: string | undefined
  operationParameters: Record<string, unknown>
  operationMetrics: Record<string, unknown>
  isBlindAppend: boolean | undefined
  engineInfo: string | undefined
  commitInfo: CommitInfo | undefined
}

/** The newest versions, newest first, as far back as the log goes. */
export async function history(access: TableAccess, limit: number): Promise<HistoryEntry[]> {
  const versions = [...(await listLog(access.store, access.root)).commits.keys()].slice(-limit)
  const entries: HistoryEntry[] = []
  let later = Number.NEGATIVE_INFINITY
  for (const version of versions) {
    const commit = await readProvenance(access, version)
    if (!commit) continue
    later = Math.max(commit.timestamp_ms, later + 1)
    const info = commit.commitInfo
    entries.push({
      version,
      timestamp_ms: later,
      operation: info?.operation,
      operationParameters: info?.operationParameters ?? {},
      operationMetrics: info?.operationMetrics ?? {},
      isBlindAppend: info?.isBlindAppend,
      engineInfo: info?.engineInfo,
      commitInfo: info,
    })
  }
  return entries.reverse()
}

/**
 * The version that was the newest at an instant: the last one committed at or before it. Throws `version_not_found` for
 * instants before the oldest version that can still be opened.
 */
export async function versionAt(access: TableAccess, timestamp_ms: number): Promise<number> {
  const listing = await listLog(access.store, access.root)
  const versions = contiguousTail([...listing.commits.keys()])
  let low = 0
  let high = versions.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const commit = await readProvenance(access, versions[middle] ?? 0)
    if (commit && commit.timestamp_ms <= timestamp_ms) low = middle + 1
    else high = middle
  }
  const version = versions[low - 1]
  if (version === undefined)
    throw new DeltaError(
      'version_not_found',
      `${access.root}: no version is known from ${new Date(timestamp_ms).toISOString()} or before; the oldest is ${versions[0] ?? 'none'}`,
    )
  return version
}

function contiguousTail(versions: readonly number[]): number[] {
  let at = versions.length - 1
  while (at > 0 && versions[at - 1] === (versions[at] ?? 0) - 1) at--
  return versions.slice(Math.max(0, at))
}

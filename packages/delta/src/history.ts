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

/** So many versions before the one found are looked at: writers' clocks differ, and one may be late by as many commits. */
const SKEWED_VERSIONS = 64

/**
 * The version that was the newest at an instant: the last one committed at or before it, by the times that `history` tells.
 * Throws `version_not_found` for instants before the oldest version that can still be opened.
 */
export async function versionAt(access: TableAccess, timestamp_ms: number): Promise<number> {
  const listing = await listLog(access.store, access.root)
  const versions = contiguousTail([...listing.commits.keys()])
  const committed = (at: number) => readProvenance(access, versions[at] ?? 0)
  let low = 0
  let high = versions.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (((await committed(middle))?.timestamp_ms ?? 0) > timestamp_ms) high = middle
    else low = middle + 1
  }
  for (let end = low; end > 0; end = low) {
    const start = Math.max(0, end - SKEWED_VERSIONS)
    const before = await Promise.all(versions.slice(start, end).map((_version, at) => committed(start + at)))
    low = start + countUntil(before, timestamp_ms)
    if (low === end || before.at(-1)?.commitInfo?.inCommitTimestamp !== undefined) break
  }
  const version = versions[low - 1]
  if (version === undefined)
    throw new DeltaError(
      'version_not_found',
      `${access.root}: no version is known from ${new Date(timestamp_ms).toISOString()} or before; the oldest is ${versions[0] ?? 'none'}`,
    )
  return version
}

/** How many of these versions there were by an instant: each is later than the one before. */
function countUntil(commits: readonly ({ timestamp_ms: number } | undefined)[], timestamp_ms: number): number {
  let later = Number.NEGATIVE_INFINITY
  for (const [at, commit] of commits.entries()) {
    later = Math.max(commit?.timestamp_ms ?? later, later + 1)
    if (later > timestamp_ms) return at
  }
  return commits.length
}

function contiguousTail(versions: readonly number[]): number[] {
  let at = versions.length - 1
  while (at > 0 && versions[at - 1] === (versions[at] ?? 0) - 1) at--
  return versions.slice(Math.max(0, at))
}

import type { AddFile } from '@sluice/delta'
import { MAX_FILE_ROWS } from '../table/lake-parts.ts'
import { rowsIn } from '../table/table-view.ts'

export interface CompactionPolicy {
  /** This many files of one tier are merged into one of the next. Write amplification is one rewrite a tier. Default 10. */
  fan_in?: number
  /** Files of at least half of this, or of 250,000 rows, are not merged any more. Default: the table's `target_bytes`. */
  target_bytes?: number
  /** With more small files than this the lowest tiers are merged together, whatever their number. Default 60. */
  max_small_files?: number
  /**
   * A 64-bit integer column that rows are looked up by: merged files are cut into ranges of it, and files that together
   * span its whole range once count as one run.
   */
  range_by?: string
  /** With `range_by`: runs of at least this are not merged any more. Default 32 times `target_bytes`. */
  max_run_bytes?: number
}

const FAN_IN = 10
const TARGET_BYTES = 64_000_000
const MAX_SMALL_FILES = 60
const RUN_TARGETS = 32
const HASH_SPAN = 2 ** 64

interface Candidate {
  file: AddFile
  /** Power of `fan_in` that its run's rows have reached. */
  tier: number
  /** Part of the range that it covers, 0 to 1; 1 without a range. */
  width: number
}

/**
 * The files to merge next, or `undefined` if none need be: those of the lowest tier that has `fan_in` runs. A tier is the
 * order of magnitude of a run's rows, so that each row is rewritten once a tier and each tier keeps fewer than `fan_in`
 * runs: a steady trickle of small commits leaves a number of files that grows with the logarithm of its rows.
 */
export function filesToMerge(files: Iterable<AddFile>, policy: CompactionPolicy): AddFile[] | undefined {
  const fan_in = policy.fan_in ?? FAN_IN
  const small = candidates(files, policy, fan_in)
  const tiers = new Map<number, Candidate[]>()
  for (const candidate of small) {
    const tier = tiers.get(candidate.tier) ?? []
    tier.push(candidate)
    tiers.set(candidate.tier, tier)
  }
  const ascending = [...tiers].sort(([a], [b]) => a - b).map(([, members]) => members)
  const full = ascending.find((members) => members.length > 1 && runs(members) >= fan_in)
  if (full) return full.map(({ file }) => file)
  if (small.length <= (policy.max_small_files ?? MAX_SMALL_FILES) || policy.range_by !== undefined) return undefined
  const lowest: Candidate[] = []
  for (const members of ascending) {
    if (lowest.length >= fan_in) break
    lowest.push(...members)
  }
  return lowest.map(({ file }) => file)
}

const runs = (members: readonly Candidate[]) => members.reduce((sum, { width }) => sum + width, 0) + 1e-6

function candidates(files: Iterable<AddFile>, policy: CompactionPolicy, fan_in: number): Candidate[] {
  const target_bytes = policy.target_bytes ?? TARGET_BYTES
  const found: Candidate[] = []
  for (const file of files) {
    const width = policy.range_by === undefined ? 1 : widthOf(file, policy.range_by)
    const run_bytes = file.size / width
    const limit_bytes =
      policy.range_by === undefined ? target_bytes / 2 : (policy.max_run_bytes ?? target_bytes * RUN_TARGETS)
    // Without statistics bytes stand for rows.
    const rows = Math.max(1, (rowsIn(file) ?? file.size / 100) / width)
    const full = policy.range_by === undefined && rows >= MAX_FILE_ROWS / 2
    if (run_bytes >= limit_bytes || full) continue
    found.push({ file, width, tier: Math.floor(Math.log(rows) / Math.log(fan_in) + 1e-9) })
  }
  return found
}

/** Part of the 64-bit range between a file's bounds; at least a millionth, all of it if the bounds are not known. */
function widthOf(file: AddFile, column: string): number {
  const bound = (member: string) => {
    const match = new RegExp(`"${member}":\\{[^}]*"${column}":(-?\\d+)`).exec(file.stats ?? '')
    return match ? Number(match[1]) : undefined
  }
  const min = bound('minValues')
  const max = bound('maxValues')
  // A single row is a whole run: a range of none would let it be merged for ever.
  if (min === undefined || max === undefined || (rowsIn(file) ?? 0) < MIN_RANGE_ROWS) return 1
  return Math.min(1, Math.max(1e-6, (max - min) / HASH_SPAN))
}

/** Below this, the bounds of random numbers say nothing of a range. */
const MIN_RANGE_ROWS = 1_000

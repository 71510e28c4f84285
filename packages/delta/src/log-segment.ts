import { DeltaError } from './delta-error.ts'
import { commitKey, type LogFile, logFile, logPrefix, padded } from './log-path.ts'
import type { DeltaStore } from './store.ts'

/** More entries than this in one listing are refused: a log that large was never cleaned up. */
const MAX_LOG_FILES = 5_000_000
/** Entries that a listing lacks are tried all the same, up to this many: a listing may be older than the log. */
const MAX_UNLISTED = 1_000

/** The log's files in a listing, by what they are. Versions ascend. */
export interface LogListing {
  /** Version to when its entry was written. */
  commits: Map<number, number>
  checkpoints: CheckpointFiles[]
  compactions: { from: number; to: number; key: string }[]
}

/** A complete checkpoint: one file, or all parts of a multi-part one. */
export interface CheckpointFiles {
  version: number
  keys: string[]
  format: 'json' | 'parquet'
  modified_at_ms: number
}

/** What must be read, in this order, to have the table at `version`. */
export interface LogSegment {
  version: number
  checkpoint: CheckpointFiles | undefined
  /** Commits and compactions after the checkpoint, contiguous. */
  entries: SegmentEntry[]
}

export type SegmentEntry =
  | { kind: 'commit'; version: number; modified_at_ms: number | undefined }
  | { kind: 'compacted'; version: number; to: number; key: string }

/** Lists the log from a version on. */
export async function listLog(store: DeltaStore, root: string, from = 0): Promise<LogListing> {
  const prefix = logPrefix(root)
  const listing: LogListing = { commits: new Map(), checkpoints: [], compactions: [] }
  const parts = new Map<string, CheckpointFiles & { parts: number }>()
  let seen = 0
  for await (const object of store.list(prefix, from > 0 ? { start_after: `${prefix}${padded(from)}` } : {})) {
    const name = object.key.slice(prefix.length)
    // Digits sort before letters and `_`: what follows are _last_checkpoint, _sidecars and files of others.
    if (name > ':') break
    if (++seen > MAX_LOG_FILES)
      throw new DeltaError('invalid_log', `${root}: more than ${MAX_LOG_FILES} files in the log; clean it up`)
    const file = logFile(name)
    if (file?.kind === 'commit') listing.commits.set(file.version, object.modified_at_ms)
    else if (file?.kind === 'compacted' && file.end > file.version)
      listing.compactions.push({ from: file.version, to: file.end, key: object.key })
    else if (file?.kind === 'checkpoint') addCheckpoint(listing, parts, file, object)
  }
  for (const { parts: count, ...checkpoint } of parts.values())
    if (checkpoint.keys.filter(Boolean).length === count) listing.checkpoints.push(checkpoint)
  // A classic or uuid-named file of the same version comes last and is preferred: it was written in one step.
  listing.checkpoints.sort((a, b) => a.version - b.version || b.keys.length - a.keys.length)
  return listing
}

/**
 * Chooses what to read for a version, or for the newest listed if it is older or none is given; `undefined` if the
 * listing is empty. Throws `version_not_found`, `missing_version`.
 */
export function logSegment(root: string, listing: LogListing, at?: number): LogSegment | undefined {
  const newest = Math.max(-1, ...newestOf(listing))
  if (newest < 0) return undefined
  const version = Math.min(at ?? newest, newest)
  const checkpoint = listing.checkpoints.findLast((candidate) => candidate.version <= version)
  const first = checkpoint ? checkpoint.version + 1 : 0
  const oldest = listing.commits.keys().next().value
  if (!checkpoint && oldest !== undefined && oldest > 0 && !listing.commits.has(0) && oldest > version)
    throw new DeltaError('version_not_found', `${root}: version ${version} was cleaned up; ${oldest} is still there`)
  return { version, checkpoint, entries: entriesOf(root, listing, first, version) }
}

/** Every version from `first` to `last`, in as few files as there are. */
function entriesOf(root: string, listing: LogListing, first: number, last: number): SegmentEntry[] {
  const widest = new Map<number, { to: number; key: string }>()
  for (const { from, to, key } of listing.compactions)
    if (to <= last && to > (widest.get(from)?.to ?? 0)) widest.set(from, { to, key })
  const entries: SegmentEntry[] = []
  let unlisted = 0
  for (let version = first; version <= last; ) {
    const compacted = widest.get(version)
    if (compacted) {
      entries.push({ kind: 'compacted', version, ...compacted })
      version = compacted.to + 1
    } else {
      const modified_at_ms = listing.commits.get(version)
      if (modified_at_ms === undefined && ++unlisted > MAX_UNLISTED) throw missingVersion(root, version)
      entries.push({ kind: 'commit', version, modified_at_ms })
      version++
    }
  }
  return entries
}

/** A gap in the log. Retryable: the log may have been cleaned up between its listing and this read. */
export const missingVersion = (root: string, version: number) =>
  new DeltaError(
    'missing_version',
    `${root}: version ${version} is missing from the log (${commitKey(root, version)}) although later ones are there; restore the file`,
    { retryable: true },
  )

function* newestOf(listing: LogListing): Generator<number> {
  const commit = [...listing.commits.keys()].at(-1)
  if (commit !== undefined) yield commit
  const checkpoint = listing.checkpoints.at(-1)
  if (checkpoint) yield checkpoint.version
}

function addCheckpoint(
  listing: LogListing,
  parts: Map<string, CheckpointFiles & { parts: number }>,
  file: Extract<LogFile, { kind: 'checkpoint' }>,
  object: { key: string; modified_at_ms: number },
): void {
  const { version } = file
  const { key, modified_at_ms } = object
  if (file.form === 'multi-part') {
    if (file.part < 1 || file.part > file.parts || file.parts < 2 || file.parts > 100_000) return
    const id = `${version}/${file.parts}`
    const whole = parts.get(id) ?? { version, keys: [], format: 'parquet', modified_at_ms, parts: file.parts }
    whole.keys[file.part - 1] = key
    parts.set(id, whole)
  } else {
    const format = file.form === 'uuid' ? file.format : 'parquet'
    listing.checkpoints.push({ version, keys: [key], format, modified_at_ms })
  }
}

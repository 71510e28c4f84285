import { parseActions } from './action-json.ts'
import { type Commit, commitInfoOf, commitTimestamp } from './commit.ts'
import { DeltaError } from './delta-error.ts'
import { commitKey } from './log-path.ts'
import type { DeltaStore } from './store.ts'

/** At most this many log entries are asked for at once. */
export const READ_AHEAD = 64

/** As much of a log entry as is read to find its first action. */
const PROVENANCE_BYTES = 64 * 1024
const COMMIT_INFO = '{"commitInfo":'
const NEWLINE = 10

type Access = { store: DeltaStore; root: string }

/** One version; `undefined` if it is not there (yet, or any more). */
export async function readCommit(
  access: Access,
  version: number,
  modified_at_ms?: number,
): Promise<Commit | undefined> {
  const key = commitKey(access.root, version)
  const bytes = await access.store.get(key)
  if (!bytes) return undefined
  const { actions } = parseActions(bytes, key)
  const commitInfo = commitInfoOf(actions)
  const written = commitInfo?.inCommitTimestamp ?? commitInfo?.timestamp ?? modified_at_ms
  const timestamp_ms = commitTimestamp(commitInfo, written ?? (await access.store.head(key))?.modified_at_ms ?? 0)
  return { version, timestamp_ms, actions, commitInfo }
}

/**
 * Who committed a version and when, without reading its actions where `commitInfo` is the first of them, as it nearly
 * always is; `undefined` if the version is not there.
 */
export async function readProvenance(
  access: Access,
  version: number,
  modified_at_ms?: number,
): Promise<Omit<Commit, 'actions'> | undefined> {
  const key = commitKey(access.root, version)
  const start = await access.store.get(key, { start: 0, end: PROVENANCE_BYTES - 1 })
  if (!start) return undefined
  const end = start.indexOf(NEWLINE)
  if (end > 0 && new TextDecoder().decode(start.subarray(0, COMMIT_INFO.length)) === COMMIT_INFO) {
    const commitInfo = commitInfoOf(parseActions(start.subarray(0, end), key).actions)
    if (commitInfo?.inCommitTimestamp ?? commitInfo?.timestamp)
      return { version, commitInfo, timestamp_ms: commitTimestamp(commitInfo, 0) }
  }
  return readCommit(access, version, modified_at_ms)
}

/** The versions after one, oldest first, as long as they follow without a gap. Reads ahead more and more. */
export async function* commitsAfter(access: Access, version: number): AsyncGenerator<Commit> {
  let next = version + 1
  for (let window = 1; ; window = Math.min(READ_AHEAD, window * 2)) {
    const reads = Array.from({ length: window }, (_, at) => settled(readCommit(access, next + at)))
    for (const read of reads) {
      const commit = await opened(read)
      if (!commit) return
      yield commit
    }
    next += window
  }
}

/** Versions `from` to `to`, both included, oldest first. Throws `missing_version` for one that is not there. */
export async function* readCommits(access: Access, from: number, to: number): AsyncGenerator<Commit> {
  for (let start = from; start <= to; start += READ_AHEAD) {
    const count = Math.min(READ_AHEAD, to - start + 1)
    const reads = Array.from({ length: count }, (_, at) => settled(readCommit(access, start + at)))
    for (const [at, read] of reads.entries()) {
      const commit = await opened(read)
      if (!commit)
        throw new DeltaError(
          'missing_version',
          `${access.root}: version ${start + at} is not in the log; it was cleaned up or does not exist`,
        )
      yield commit
    }
  }
}

/** Keeps a rejection from being unhandled while an earlier read is awaited. */
export function settled<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  return promise.then(
    (value) => ({ status: 'fulfilled', value }),
    (reason: unknown) => ({ status: 'rejected', reason }),
  )
}

export async function opened<T>(promise: Promise<PromiseSettledResult<T>>): Promise<T> {
  const result = await promise
  if (result.status === 'rejected') throw result.reason
  return result.value
}

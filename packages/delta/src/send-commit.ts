import { serializeActions } from './action-json.ts'
import type { Commit } from './commit.ts'
import { DeltaError } from './delta-error.ts'
import { commitKey } from './log-path.ts'
import { readCommit } from './read-commit.ts'
import type { DeltaStore } from './store.ts'

const MAX_SENDS = 5

/**
 * Puts a commit into the log as its version, unless another one is there. A put that throws, or that finds an entry, is
 * settled by reading back: the commit knows itself by its token (`commitInfo.txnId`), so that an earlier send of ours, a
 * retry inside the store included, is not taken for a rival.
 * Throws `unknown_outcome` if the store stays out of reach, `invalid_log` if what is there is no log entry.
 */
export async function sendCommit(
  access: { store: DeltaStore; root: string },
  commit: Pick<Commit, 'version' | 'actions'>,
  token: string,
): Promise<'committed' | 'lost'> {
  const { store, root } = access
  const { version } = commit
  const key = commitKey(root, version)
  const bytes = serializeActions(commit.actions)
  let cause: unknown
  for (let send = 0; send < MAX_SENDS; send++) {
    try {
      const outcome = await store.putIfAbsent(key, bytes)
      if (outcome.kind === 'created') return 'committed'
    } catch (error) {
      cause = error
    }
    try {
      const there = await readCommit(access, version)
      if (there) return there.commitInfo?.txnId === token ? 'committed' : 'lost'
    } catch (error) {
      if (error instanceof DeltaError) throw error
      cause = error
    }
  }
  throw new DeltaError(
    'unknown_outcome',
    `${root}: version ${version} was sent ${MAX_SENDS} times and the store never said whether it arrived; read the log before trying again`,
    { cause, retryable: true },
  )
}

import type { DeltaTable } from '@sluice/delta'
import type { PlainTable } from './plain-table.ts'

/** A table computed from the keyed table, as `post_media` is from `posts`; here it only says how far it has followed. */
export const FOLLOWER_TABLE = 'follower'

/** The transaction whose version is the source's version followed to. */
export const FOLLOWED_TXN = 'source'

/** Brings the follower up to its source's newest version. */
export async function followSource(
  source: PlainTable,
  follower: DeltaTable,
  now: () => number,
): Promise<{ table: string; version: number }[]> {
  const { version } = await source.refresh()
  let snapshot = await follower.snapshot()
  while (Number(snapshot.txn(FOLLOWED_TXN) ?? 0) < version) {
    const outcome = await follower.commit(snapshot, {
      operation: 'WRITE',
      reads: { kind: 'table' },
      actions: [{ txn: { appId: FOLLOWED_TXN, version, lastUpdated: now() } }],
    })
    snapshot = outcome.snapshot
  }
  return [{ table: FOLLOWER_TABLE, version: snapshot.version }]
}

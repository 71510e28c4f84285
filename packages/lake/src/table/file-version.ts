import type { LakeTable } from './lake-table.ts'

const READS_AT_ONCE = 64
/** How far back it is looked for. */
const MAX_VERSIONS = 10_000

/**
 * The newest version whose commit added a file, be it by a compaction; `undefined` if the log does not go back that far,
 * or more than 10,000 versions were made since.
 */
export async function versionOfFile(table: LakeTable, path: string): Promise<number | undefined> {
  const oldest = Math.max(0, table.version - MAX_VERSIONS)
  for (let to = table.version; to >= oldest; to -= READS_AT_ONCE) {
    const versions = Array.from({ length: Math.min(READS_AT_ONCE, to - oldest + 1) }, (_, at) => to - at)
    const commits = await Promise.all(versions.map((version) => table.delta.readCommit(version)))
    for (const commit of commits) {
      if (!commit) return undefined
      if (commit.actions.some((action) => 'add' in action && action.add.path === path)) return commit.version
    }
  }
  return undefined
}

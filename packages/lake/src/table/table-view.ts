import { type AddFile, dataFileKey, type Snapshot } from '@sluice/delta'
import type { ObjectStore } from '@sluice/object-store'
import { ObjectStoreError } from '@sluice/object-store'
import type { Column } from './column-type.ts'
import { requireForeignFit } from './foreign-files.ts'
import { LakeError } from './lake-error.ts'
import { requirePlain } from './plain-table.ts'
import { parquetRelation } from './relation.ts'

/** A table at one version: a value, ready to be read by an engine on this machine. */
export class TableView {
  readonly name: string
  readonly snapshot: Snapshot
  readonly columns: readonly Column[]
  readonly #store: ObjectStore

  /** Throws `unsupported`. */
  constructor(name: string, snapshot: Snapshot, store: ObjectStore) {
    requirePlain(name, snapshot)
    this.name = name
    this.snapshot = snapshot
    this.columns = snapshot.schema.fields
    this.#store = store
  }

  get version(): number {
    return this.snapshot.version
  }

  get table_id(): string {
    return this.snapshot.tableId
  }

  get timestamp_ms(): number {
    return this.snapshot.timestamp_ms
  }

  /** Live files, by path: the same order whenever the version is opened. */
  files(): AddFile[] {
    return [...this.snapshot.files()].sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** Rows by the files' statistics; `undefined` if a file has none. */
  rowCount(): number | undefined {
    let rows = 0
    for (const file of this.snapshot.files()) {
      const count = rowsIn(file)
      if (count === undefined) return undefined
      rows += count
    }
    return rows
  }

  /** The Delta `txn` of an application, -1 if it has none. */
  txn(appId: string): number {
    return Number(this.snapshot.txn(appId) ?? -1)
  }

  /** Local paths of files. Throws `version_gone` if one was cleaned up. */
  paths(files: readonly { path: string }[] = this.files()): Promise<string[]> {
    return localPaths(this.#store, this.snapshot.root, files)
  }

  /** What follows FROM to read the version. Throws `version_gone`, `unsupported`. */
  async relation(files: readonly AddFile[] = this.files()): Promise<string> {
    const paths = await this.paths(files)
    await requireForeignFit(this.snapshot.schema, files, paths)
    return parquetRelation(paths, this.columns)
  }
}

const PATHS_AT_ONCE = 32

/** Local paths of a table's files. Throws `version_gone` if one was cleaned up. */
export async function localPaths(
  store: ObjectStore,
  root: string,
  files: readonly { path: string }[],
): Promise<string[]> {
  const paths: string[] = []
  try {
    for (let at = 0; at < files.length; at += PATHS_AT_ONCE) {
      const some = files.slice(at, at + PATHS_AT_ONCE)
      paths.push(...(await Promise.all(some.map(({ path }) => store.localPath(dataFileKey(root, path))))))
    }
    return paths
  } catch (cause) {
    if (!(cause instanceof ObjectStoreError) || cause.code !== 'not_found') throw cause
    throw new LakeError('version_gone', `${root}: a file of this version was cleaned up; read the newest version`, {
      cause,
    })
  }
}

/** Rows of a file by its statistics. */
export function rowsIn(file: AddFile): number | undefined {
  const match = /"numRecords"\s*:\s*(\d+)/.exec(file.stats ?? '')
  return match ? Number(match[1]) : undefined
}

import { randomUUID } from 'node:crypto'
import type { Commit } from './commit.ts'
import { createTable, type TableDefinition } from './create-table.ts'
import { openSnapshot, updateSnapshot } from './open-snapshot.ts'
import type { ParquetCodec } from './parquet-codec.ts'
import { readCommit } from './read-commit.ts'
import type { Snapshot } from './snapshot.ts'
import type { DeltaStore } from './store.ts'
import type { TableAccess } from './table-access.ts'
import { type CommitRequest, type TryCommitOutcome, tryCommit } from './try-commit.ts'

export interface DeltaTableOptions {
  store: DeltaStore
  /** Key prefix of the table. */
  root: string
  /** Reads and writes checkpoints; `@sluice/delta/hyparquet-codec` has one. */
  codec: ParquetCodec
  /** Milliseconds since the epoch; default: the clock. */
  now?: () => number
  /** Default: random UUIDs. */
  token?: () => string
}

/** A Delta table in an object store: the log, not the rows. Holds no state: snapshots are values. */
export class DeltaTable {
  readonly #access: TableAccess

  constructor(options: DeltaTableOptions) {
    const { store, codec, now = Date.now, token = randomUUID } = options
    this.#access = { store, root: options.root.replace(/\/+$/, ''), codec, now, token }
  }

  get root(): string {
    return this.#access.root
  }

  /** See `createTable`. */
  create(definition: TableDefinition): Promise<{ kind: 'created' | 'exists'; snapshot: Snapshot }> {
    return createTable(this.#access, definition)
  }

  /** The table at a version, the newest if none is given; see `openSnapshot`. */
  snapshot(version?: number): Promise<Snapshot> {
    return openSnapshot(this.#access, version)
  }

  /** The newest version, from an earlier snapshot; see `updateSnapshot`. */
  update(snapshot: Snapshot): Promise<Snapshot> {
    return updateSnapshot(this.#access, snapshot)
  }

  /** One attempt to commit as `snapshot.version + 1`; see `tryCommit`. */
  tryCommit(snapshot: Snapshot, request: CommitRequest): Promise<TryCommitOutcome> {
    return tryCommit(this.#access, snapshot, request)
  }

  /** One version's log entry; `undefined` if it is not there (yet, or any more). */
  readCommit(version: number): Promise<Commit | undefined> {
    return readCommit(this.#access, version)
  }
}

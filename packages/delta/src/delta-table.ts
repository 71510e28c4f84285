import { randomUUID } from 'node:crypto'
import type { Commit } from './commit.ts'
import type { Transaction } from './conflict.ts'
import { createTable, type TableDefinition } from './create-table.ts'
import { type HistoryEntry, history, versionAt } from './history.ts'
import { cleanLog, type LogCleanup } from './log-cleanup.ts'
import { openSnapshot, updateSnapshot } from './open-snapshot.ts'
import type { ParquetCodec } from './parquet-codec.ts'
import { readCommit, readCommits } from './read-commit.ts'
import type { Snapshot } from './snapshot.ts'
import type { DeltaStore } from './store.ts'
import type { TableAccess } from './table-access.ts'
import { type CommitOutcome, commit } from './transaction.ts'
import { type CommitRequest, type TryCommitOutcome, tryCommit } from './try-commit.ts'
import { writeCheckpoint } from './write-checkpoint.ts'

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

  /** Versions `from` to `to`, both included, oldest first; throws `missing_version` for one that is not there. */
  commits(from: number, to: number): AsyncGenerator<Commit> {
    return readCommits(this.#access, from, to)
  }

  /** Commits after others that do not matter, or tells the conflict; see `commit`. */
  commit(snapshot: Snapshot, transaction: Transaction): Promise<CommitOutcome> {
    return commit(this.#access, snapshot, transaction)
  }

  /** The version that was the newest at an instant; see `versionAt`. */
  versionAt(timestamp_ms: number): Promise<number> {
    return versionAt(this.#access, timestamp_ms)
  }

  /** The newest versions, newest first; see `history`. */
  history(limit = 1_000): Promise<HistoryEntry[]> {
    return history(this.#access, limit)
  }

  /** Writes a checkpoint of a snapshot unless there is one; see `writeCheckpoint`. */
  writeCheckpoint(snapshot: Snapshot): Promise<{ kind: 'written' | 'exists'; sizeInBytes?: number }> {
    return writeCheckpoint(this.#access, snapshot)
  }

  /** Removes expired log entries; see `cleanLog`. */
  cleanLog(cleanup: LogCleanup): Promise<{ deleted: string[]; oldest: number | undefined }> {
    return cleanLog(this.#access, cleanup)
  }
}

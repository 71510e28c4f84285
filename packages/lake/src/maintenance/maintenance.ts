import type { AddFile } from '@sluice/delta'
import { isOutOfMemory } from '../duckdb/duckdb-error.ts'
import { targetBytes } from '../table/lake-parts.ts'
import type { LakeTable } from '../table/lake-table.ts'
import type { VacuumOptions } from '../table/vacuum.ts'
import { type CompactionPolicy, filesToMerge } from './compaction.ts'

export interface MaintenancePolicy {
  compaction?: CompactionPolicy
  /** A checkpoint is written after this many commits. Default 100. */
  checkpoint_every?: number
  /** Log entries older than this go, unless pinned. Default: the table's `delta.logRetentionDuration`. */
  log_retention_ms?: number
  vacuum?: VacuumOptions
  /** Asked before files are deleted: paths of rows that wait beside the table to be taken in; `undefined`: not known. */
  waiting?: () => Promise<ReadonlySet<string> | undefined>
  /** The log and the files are cleaned at most this often: both list objects. Default 10 minutes. */
  clean_every_ms?: number
  /** The oldest version that somebody needs to read from the log besides pins; asked before the log is cleaned. */
  needed_version?: () => Promise<number | undefined> | number | undefined
}

export interface MaintenancePass {
  /** Version that a checkpoint was written of. */
  checkpoint: number | undefined
  /** One entry a compaction: how many files and bytes were merged; `lost` if another commit was in the way. */
  compactions: { files: number; bytes: number; outcome: 'committed' | 'lost' }[]
  /** Log objects and files deleted. */
  log_deleted: number
  files_deleted: number
}

const CHECKPOINT_EVERY = 100
const CLEAN_EVERY_MS = 600_000
const LEAST_FILES = 2
/** Compactions in one pass; the rest is for the next. */
const MAX_COMPACTIONS = 8

/**
 * Keeps one table small and quick to open, beside any other writers. A pass with nothing to do costs one read of the
 * log. Safe to run in several processes at once, and to stop at any point.
 */
export class Maintenance {
  readonly #table: LakeTable
  readonly #policy: MaintenancePolicy
  #checkpointed = 0
  /** Files merged at once: fewer while there is not the memory for more. */
  #most_files = Number.POSITIVE_INFINITY
  #cleaned_ms: number

  constructor(table: LakeTable, policy: MaintenancePolicy = {}) {
    this.#table = table
    this.#policy = policy
    this.#cleaned_ms = table.lake.now()
  }

  /** Checkpoint, compaction, log clean-up and vacuum, each if it is due. Throws what the log and the store throw. */
  async pass(): Promise<MaintenancePass> {
    await this.#table.refresh()
    const compactions = await this.#compact()
    const checkpoint = await this.#checkpoint()
    const cleaned = await this.#clean()
    return { checkpoint, compactions, ...cleaned }
  }

  async #compact(): Promise<MaintenancePass['compactions']> {
    const compaction = { target_bytes: targetBytes(this.#table.use), ...this.#policy.compaction }
    const done: MaintenancePass['compactions'] = []
    while (done.length < MAX_COMPACTIONS) {
      // A pass with nothing to merge waits for no turn.
      if (!filesToMerge(this.#table.snapshot.files(), compaction)) break
      let chosen: readonly AddFile[] | undefined
      const { target_bytes, range_by } = compaction
      const choose = (files: readonly AddFile[]) =>
        (chosen = filesToMerge(files, compaction)?.slice(0, this.#most_files))
      const outcome = await this.#table
        .optimize({ choose, target_bytes, range_by })
        .catch((error: unknown) => this.#retryOnLess(error, chosen?.length ?? 0))
      if (outcome === 'on less') continue
      if (!chosen) break
      this.#most_files *= 2
      const bytes = chosen.reduce((sum, { size }) => sum + size, 0)
      done.push({ files: chosen.length, bytes, outcome: outcome.kind === 'committed' ? 'committed' : 'lost' })
      if (outcome.kind !== 'committed') break
    }
    return done
  }

  #retryOnLess(error: unknown, files: number): 'on less' {
    if (!isOutOfMemory(error) || files <= LEAST_FILES) throw error
    this.#most_files = Math.max(LEAST_FILES, Math.floor(files / 2))
    return 'on less'
  }

  async #checkpoint(): Promise<number | undefined> {
    const { snapshot } = this.#table
    if (snapshot.version - this.#checkpointed < (this.#policy.checkpoint_every ?? CHECKPOINT_EVERY)) return undefined
    const { kind } = await this.#table.delta.writeCheckpoint(snapshot)
    this.#checkpointed = snapshot.version
    return kind === 'written' ? snapshot.version : undefined
  }

  async #clean(): Promise<{ log_deleted: number; files_deleted: number }> {
    const now = this.#table.lake.now()
    if (now - this.#cleaned_ms < (this.#policy.clean_every_ms ?? CLEAN_EVERY_MS))
      return { log_deleted: 0, files_deleted: 0 }
    this.#cleaned_ms = now
    const vacuumed = await this.#vacuum()
    const needed = await this.#policy.needed_version?.()
    const pins = (await this.#table.pins()).map(({ version }) => version)
    const log = await this.#table.delta.cleanLog({
      retention_ms: this.#policy.log_retention_ms ?? this.#table.snapshot.properties.logRetention_ms,
      pins: needed === undefined ? pins : [...pins, needed],
    })
    return { log_deleted: log.deleted.length, files_deleted: vacuumed }
  }

  async #vacuum(): Promise<number> {
    const { vacuum, waiting = async () => new Set<string>() } = this.#policy
    const needed = await waiting()
    if (!needed) return 0
    const keep = (path: string) => needed.has(path) || (vacuum?.keep?.(path) ?? false)
    return (await this.#table.vacuum({ ...vacuum, keep })).deleted.length
  }
}

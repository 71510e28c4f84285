import type { Action, AddFile, Commit, Snapshot, TryCommitOutcome } from '@sluice/delta'
import type { Covered, WrittenBatch } from './batch.ts'
import { type LedgerNote, ledgerNoteOf, type Plan, type PlanEntry, type PlannedFile } from './plan.ts'

/** The part of a Delta table that the ledger is built on. */
export interface LedgerLog {
  snapshot(): Promise<Snapshot>
  update(snapshot: Snapshot): Promise<Snapshot>
  tryCommit(snapshot: Snapshot, commit: LedgerCommit): Promise<TryCommitOutcome>
  readCommit(version: number): Promise<Commit | undefined>
}

export interface LedgerCommit {
  actions: Action[]
  operation: string
  commitInfo: Readonly<Record<string, unknown>>
}

/** A covered partition stands elsewhere than where the batch began. */
export interface Fenced {
  kind: 'fenced'
  partition: number
  expected: bigint
  actual: bigint
}

/**
 * - `committed`: this is the decision for the covered offsets.
 * - `lost`: somebody else committed first and moved none of the covered partitions: decide again against `added`.
 * - `fenced`: a covered partition was moved by another worker: the batch is dead.
 * `added`: files with receipts of others that were learnt on the way.
 */
export type LedgerOutcome =
  | { kind: 'committed'; version: number }
  | { kind: 'lost'; added: AddFile[] }
  | (Fenced & { added: AddFile[] })

/**
 * The ledger's log: the one place where it is decided what became of each receipt. Holds the newest snapshot it has
 * seen and, by target, the ledger version of the newest plan entry.
 */
export class Ledger {
  readonly #log: LedgerLog
  readonly #log_epoch: string
  readonly #now: () => number
  #snapshot: Snapshot
  #heads: Record<string, number>
  #types: string | undefined

  private constructor(
    log: LedgerLog,
    log_epoch: string,
    now: () => number,
    snapshot: Snapshot,
    note: LedgerNote | undefined,
  ) {
    this.#log = log
    this.#log_epoch = log_epoch
    this.#now = now
    this.#snapshot = snapshot
    this.#heads = note?.heads ?? {}
    this.#types = note?.types
  }

  /** @param log_epoch names the life of the event log that the offsets belong to */
  static async open(log: LedgerLog, options: { log_epoch: string; now: () => number }): Promise<Ledger> {
    const snapshot = await log.snapshot()
    return new Ledger(log, options.log_epoch, options.now, snapshot, await newestNote(log, snapshot.version))
  }

  get version(): number {
    return this.#snapshot.version
  }

  get files(): AddFile[] {
    return [...this.#snapshot.files()]
  }

  get snapshot(): Snapshot {
    return this.#snapshot
  }

  /** Digest of the event types that the newest decision was made with. */
  get types(): string | undefined {
    return this.#types
  }

  /** Ledger version of the newest plan entry for a target; `undefined` if there never was one. */
  head(target: string): number | undefined {
    return this.#heads[target]
  }

  targets(): string[] {
    return Object.keys(this.#heads)
  }

  /** The offset that comes next in a partition, by the ledger. */
  nextOffset(partition: number): bigint {
    return BigInt(this.#snapshot.txn(this.#appId(partition)) ?? 0)
  }

  /** Reads what others committed. @returns files with receipts that are new since the last call */
  async refresh(): Promise<AddFile[]> {
    const from = this.#snapshot.version
    const snapshot = await this.#log.update(this.#snapshot)
    if (snapshot.version === from) return []
    const commits: Commit[] = []
    for (let version = from + 1; version <= snapshot.version; version++) {
      const commit = await this.#log.readCommit(version)
      if (!commit)
        throw new Error(
          `ledger: version ${version} is gone while ${snapshot.version} is there; log clean-up went too far: reopen the ledger`,
        )
      commits.push(commit)
    }
    return this.#follow(snapshot, commits)
  }

  /** One attempt to make a written batch the decision for the offsets it covers. */
  async commit(covered: ReadonlyMap<number, Covered>, written: WrittenBatch, types: string): Promise<LedgerOutcome> {
    const fence = this.#fence(covered)
    if (fence) return { ...fence, added: [] }
    const version = this.#snapshot.version + 1
    const plan = this.#planOf(written)
    const heads = {
      ...this.#heads,
      ...Object.fromEntries(Object.keys(plan.entries).map((target) => [target, version])),
    }
    const note: LedgerNote = { types, plan, heads, counts: written.counts }
    const outcome = await this.#log.tryCommit(this.#snapshot, {
      operation: 'WRITE',
      commitInfo: { sluice: note },
      actions: [
        ...[...covered].map(([partition, { next }]) => ({
          txn: { appId: this.#appId(partition), version: Number(next), lastUpdated: this.#now() },
        })),
        ...(written.ledger ? [{ add: addOf(written.ledger, this.#now()) }] : []),
      ],
    })
    if (outcome.kind === 'committed') {
      this.#snapshot = outcome.snapshot
      this.#heads = heads
      this.#types = types
      return { kind: 'committed', version: outcome.version }
    }
    const added = this.#follow(outcome.snapshot, outcome.winners)
    return { ...(this.#fence(covered) ?? { kind: 'lost' }), added }
  }

  /** Plan entries of a target in (after, head], oldest first, found by walking back from its newest. */
  async unapplied(target: string, after: number): Promise<{ version: number; entry: PlanEntry }[]> {
    const found: { version: number; entry: PlanEntry }[] = []
    let version: number | null = this.#heads[target] ?? null
    while (version !== null && version > after) {
      const commit = await this.#log.readCommit(version)
      const entry = ledgerNoteOf(commit?.commitInfo)?.plan.entries[target]
      if (!entry)
        throw new Error(
          `ledger: version ${version} should hold a plan for ${target} and does not; its log entry was removed before it was applied`,
        )
      found.push({ version, entry })
      version = entry.previous
    }
    return found.reverse()
  }

  #fence(covered: ReadonlyMap<number, Covered>): Fenced | undefined {
    for (const [partition, { from }] of covered) {
      const actual = this.nextOffset(partition)
      if (actual !== from) return { kind: 'fenced', partition, expected: from, actual }
    }
    return undefined
  }

  #planOf(written: WrittenBatch): Plan {
    const entries: Record<string, PlanEntry> = {}
    for (const [target, entry] of Object.entries(written.entries))
      entries[target] = { ...entry, previous: this.#heads[target] ?? null }
    return { entries }
  }

  #follow(snapshot: Snapshot, commits: readonly Commit[]): AddFile[] {
    this.#snapshot = snapshot
    const added: AddFile[] = []
    for (const commit of commits) {
      const note = ledgerNoteOf(commit.commitInfo)
      if (note) {
        this.#heads = note.heads
        this.#types = note.types
      }
      for (const action of commit.actions) if ('add' in action && action.add.dataChange) added.push(action.add)
    }
    return added
  }

  #appId(partition: number): string {
    return `log/${this.#log_epoch}/${partition}`
  }
}

/** The `add` action of a file written before its commit. */
export function addOf(file: PlannedFile, now: number): AddFile {
  return {
    path: file.path,
    partitionValues: {},
    size: file.size,
    modificationTime: now,
    dataChange: true,
    stats: file.stats,
  }
}

async function newestNote(log: LedgerLog, head: number): Promise<LedgerNote | undefined> {
  for (let version = head; version > 0; version--) {
    const commit = await log.readCommit(version)
    if (!commit)
      throw new Error(
        `ledger: version ${version} was removed before a later decision replaced it; the log was cleaned by something that does not know the ledger`,
      )
    const note = ledgerNoteOf(commit.commitInfo)
    if (note) return note
  }
  return undefined
}

import type { Action, AddFile, Commit, Snapshot } from '@sluice/delta'
import { addOf } from '../table/write-outcome.ts'
import type { Covered, WrittenBatch } from './batch.ts'
import type { LedgerLog } from './ledger-log.ts'
import { contradicts, markOf, markTxn } from './log-mark.ts'
import { type Decision, lastDecision, withNewestDecision } from './newest-decision.ts'
import { type LedgerNote, ledgerNoteOf, type Plan, type PlanEntry } from './plan.ts'

/** A covered partition stands elsewhere than where the batch began. */
export interface Fenced {
  kind: 'fenced'
  partition: number
  expected: bigint
  actual: bigint
}

/**
 * - `committed`: this is the decision for the covered offsets.
 * - `lost`: somebody else committed first and moved none of the covered partitions: decide again.
 * - `fenced`: a covered partition was moved by another worker: the batch is dead.
 */
export type LedgerOutcome = { kind: 'committed'; version: number } | { kind: 'lost' } | Fenced

/** For so many of the newest versions it is remembered which receipts they brought; older ones are read again. */
const MAX_REMEMBERED = 1_000

/**
 * The ledger's log: the one place where it is decided what became of each receipt. Holds the newest snapshot it has
 * seen and, by target, the ledger version of the newest plan entry.
 */
export class Ledger {
  readonly #log: LedgerLog
  readonly #log_epoch: string
  readonly #now: () => number
  #snapshot: Snapshot
  #newest: Decision | undefined
  /** By version, ascending: files with receipts that came with it. */
  readonly #added = new Map<number, AddFile[]>()

  private constructor(
    log: LedgerLog,
    log_epoch: string,
    now: () => number,
    snapshot: Snapshot,
    newest: Decision | undefined,
  ) {
    this.#log = log
    this.#log_epoch = log_epoch
    this.#now = now
    this.#snapshot = snapshot
    this.#newest = newest
  }

  /** @param log_epoch names the life of the event log that the offsets belong to */
  static async open(log: LedgerLog, options: { log_epoch: string; now: () => number }): Promise<Ledger> {
    const { snapshot, newest } = await withNewestDecision(log, await log.snapshot())
    return new Ledger(log, options.log_epoch, options.now, snapshot, newest)
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
    return this.#newest?.note.types
  }

  /** Ledger version of the newest plan entry for a target; `undefined` if there never was one. */
  head(target: string): number | undefined {
    return this.#heads[target]
  }

  get #heads(): Readonly<Record<string, number>> {
    return this.#newest?.note.heads ?? {}
  }

  targets(): string[] {
    return Object.keys(this.#heads)
  }

  /**
   * The oldest version whose log entry is still read: that of the newest decision, and those of plans that a target has
   * not applied. Clean-up of the ledger's log must leave it and all after it.
   * @param applied the ledger version that a target has applied through, -1 for none or if that is not known
   */
  oldestNeeded(applied: (target: string) => number): number {
    const behind = Object.entries(this.#heads).flatMap(([target, head]) => {
      const through = applied(target)
      return through < head ? [through + 1] : []
    })
    return Math.min(this.#newest?.version ?? 0, ...behind)
  }

  /** The offset that comes next in a partition, by the ledger. */
  nextOffset(partition: number): bigint {
    return BigInt(this.#snapshot.txn(this.#appId(partition)) ?? 0)
  }

  /**
   * Whether the log goes on from what was decided: `false` if this record stands where the last decided one of its partition
   * stood, and is another one. Ledgers of before know no last record, and deny nothing.
   */
  continuedBy(record: { partition: number; offset: bigint; value: Uint8Array }): boolean {
    const mark = this.#snapshot.txn(markTxn(this.#log_epoch, record.partition))
    if (mark === undefined || this.nextOffset(record.partition) !== record.offset + 1n) return true
    return !contradicts(Number(mark), markOf(record))
  }

  /** Reads what others committed. May be called at any time, also while a batch is being settled. */
  async refresh(): Promise<void> {
    const from = this.#snapshot.version
    const snapshot = await this.#log.update(this.#snapshot)
    if (snapshot.version === from) {
      // Known to be the newest still: else each later look would list the log, too.
      if (this.#snapshot.version === from) this.#snapshot = snapshot
      return
    }
    const commits: Commit[] = []
    for (let version = from + 1; version <= snapshot.version; version++) {
      const commit = await this.#log.readCommit(version)
      if (commit) commits.push(commit)
    }
    if (commits.length === snapshot.version - from) return this.#adopt(snapshot, commits)
    // Entries were cleaned up while this worker was away: what they said of plans is in the newest decision, too.
    const found = await withNewestDecision(this.#log, snapshot)
    this.#adopt(found.snapshot, commits, found.newest)
  }

  /**
   * Files with receipts that came with the versions after `after`, in order, up to the version seen now; compactions
   * bring none. `undefined` if the log does not reach back so far any more.
   */
  async addedSince(after: number): Promise<AddFile[] | undefined> {
    const added: AddFile[] = []
    for (let version = after + 1, last = this.version; version <= last; version++) {
      const remembered = this.#added.get(version)
      const commit = remembered ? undefined : await this.#log.readCommit(version)
      if (!remembered && !commit) return undefined
      added.push(...(remembered ?? receiptsIn(commit?.actions ?? [])))
    }
    return added
  }

  /**
   * One attempt to make a written batch the decision for the offsets it covers.
   * @param judged_at ledger version against which it was judged what is a repeat; if the ledger has seen a newer one
   *   since, the batch has lost the race
   */
  async commit(
    covered: ReadonlyMap<number, Covered>,
    written: WrittenBatch,
    types: string,
    judged_at: number,
  ): Promise<LedgerOutcome> {
    const fence = this.#fence(covered)
    if (fence) return fence
    if (this.version !== judged_at) return { kind: 'lost' }
    const version = judged_at + 1
    const plan = this.#planOf(written)
    const heads = {
      ...this.#heads,
      ...Object.fromEntries(Object.keys(plan.entries).map((target) => [target, version])),
    }
    const note: LedgerNote = { types, plan, heads, counts: written.counts }
    const actions: Action[] = [
      ...[...covered].flatMap(([partition, { next, mark }]) => [
        txnOf(this.#appId(partition), Number(next), this.#now()),
        ...(mark === undefined ? [] : [txnOf(markTxn(this.#log_epoch, partition), mark, this.#now())]),
      ]),
      ...(written.ledger ? [addOf(written.ledger, this.#now())] : []),
    ]
    const outcome = await this.#log.tryCommit(this.#snapshot, {
      operation: 'WRITE',
      commitInfo: { sluice: note },
      actions,
    })
    if (outcome.kind === 'committed') {
      this.#remember(version, receiptsIn(actions))
      this.#adopt(outcome.snapshot, [], { version, note })
      return { kind: 'committed', version: outcome.version }
    }
    this.#adopt(outcome.snapshot, outcome.winners)
    return this.#fence(covered) ?? { kind: 'lost' }
  }

  /**
   * Plan entries of a target in (after, head], oldest first, found by walking back from its newest. `undefined` if one
   * was cleaned up: then every table that it was for has applied it, and `after` is out of date.
   */
  async unapplied(target: string, after: number): Promise<{ version: number; entry: PlanEntry }[] | undefined> {
    const found: { version: number; entry: PlanEntry }[] = []
    let version: number | null = this.#heads[target] ?? null
    while (version !== null && version > after) {
      const commit = await this.#log.readCommit(version)
      if (!commit) return undefined
      const entry = ledgerNoteOf(commit.commitInfo)?.plan.entries[target]
      if (!entry)
        throw new Error(`ledger: version ${version} should hold a plan for ${target} and does not; its log is damaged`)
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

  /** Takes over what a newer version says. Never goes back: somebody else may have read further meanwhile. */
  #adopt(snapshot: Snapshot, commits: readonly Commit[], newest?: Decision): void {
    for (const { version, actions } of commits) this.#remember(version, receiptsIn(actions))
    if (snapshot.version <= this.#snapshot.version) return
    this.#snapshot = snapshot
    this.#newest = newest ?? lastDecision(commits) ?? this.#newest
  }

  #remember(version: number, added: AddFile[]): void {
    this.#added.set(version, added)
    for (const oldest of this.#added.keys()) {
      if (this.#added.size <= MAX_REMEMBERED) break
      this.#added.delete(oldest)
    }
  }

  #appId(partition: number): string {
    return offsetTxn(this.#log_epoch, partition)
  }
}

/** The Delta `txn` by which the ledger says which offset of a partition comes next. */
export const offsetTxn = (log_epoch: string, partition: number) => `log/${log_epoch}/${partition}`

const txnOf = (appId: string, version: number, lastUpdated: number): Action => ({
  txn: { appId, version, lastUpdated },
})

/** Files with receipts that an entry's actions bring; a compaction only rearranges receipts. */
const receiptsIn = (actions: readonly Action[]): AddFile[] =>
  actions.flatMap((action) => ('add' in action && action.add.dataChange ? [action.add] : []))

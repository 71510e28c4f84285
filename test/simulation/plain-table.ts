import type { Action, AddFile, DeltaTable, Reads, Snapshot } from '@sluice/delta'
import { LEDGER_TXN, type PlannedFile, type PlanStep, type PlanTarget } from '@sluice/lake/ledger/index'
import { addOf } from '@sluice/lake/table/write-outcome'
import type { PlainFiles, PlainRow } from './plain-rows.ts'

/** The quarantine applies its closings by a count of their own: they are a target of their own. */
export const CLOSED_TXN = 'ledger-closed'

interface Change {
  add: PlannedFile[]
  remove: readonly AddFile[]
  reads: Reads
  operation: string
}

/** A table with plain rows: real log, real transactions; only merging and closing are loops instead of SQL. */
export class PlainTable implements PlanTarget {
  readonly name: string
  readonly #delta: DeltaTable
  readonly #files: PlainFiles
  readonly #now: () => number
  readonly #txn: string
  #snapshot: Snapshot | undefined

  constructor(name: string, parts: { delta: DeltaTable; files: PlainFiles; now: () => number }, txn = LEDGER_TXN) {
    this.name = name
    this.#delta = parts.delta
    this.#files = parts.files
    this.#now = parts.now
    this.#txn = txn
  }

  get version(): number {
    return this.#snapshot?.version ?? -1
  }

  async applied(fresh: boolean): Promise<number> {
    return appliedIn(fresh ? await this.refresh() : (this.#snapshot ?? (await this.refresh())), this.#txn)
  }

  append(files: readonly PlannedFile[], step: PlanStep): Promise<'applied' | 'conflict'> {
    return this.#commit(step, async () => ({
      add: [...files],
      remove: [],
      reads: { kind: 'nothing' },
      operation: 'WRITE',
    }))
  }

  merge(files: readonly PlannedFile[], step: PlanStep): Promise<'applied' | 'conflict'> {
    return this.#rewrite(step, 'MERGE', async (rows) => {
      const newest = new Map(rows.map((row) => [row.key, row]))
      for (const row of await this.#files.read(this.name, files)) {
        const kept = newest.get(row.key)
        if (!kept || this.isNewer(row, kept)) newest.set(row.key, row)
      }
      return [...newest.values()]
    })
  }

  close(ids: readonly { event_id: string; by: string }[], step: PlanStep): Promise<'applied' | 'conflict'> {
    const by = new Map(ids.map((id) => [id.event_id, id.by]))
    return this.#rewrite(step, 'UPDATE', async (rows) => rows.map((row) => this.closed(row, by.get(row.event_id))))
  }

  /** Entries of an id that are there because of its stored event stay open. */
  protected closed(row: PlainRow, by: string | undefined): PlainRow {
    return by === undefined || row.closed_by !== undefined || row.reason === 'id_conflict'
      ? row
      : { ...row, closed_by: by }
  }

  /** The design's order: time field, else received_at; then event_id by its UTF-8 bytes. */
  protected isNewer(row: PlainRow, than: PlainRow): boolean {
    const [a, b] = [row.at ?? row.received_at, than.at ?? than.received_at]
    if (a !== b) return a > b
    return Buffer.compare(Buffer.from(row.event_id), Buffer.from(than.event_id)) > 0
  }

  /** Whether the table is where a step of the plans begins. */
  protected stands(snapshot: Snapshot, { after }: PlanStep): boolean {
    return appliedIn(snapshot, this.#txn) === after
  }

  /** Puts all rows into one file, as a background compaction does, and deletes the files that held them at once. */
  async compact(): Promise<void> {
    const snapshot = await this.refresh()
    const files = [...snapshot.files()]
    if (files.length < 2) return
    const merged = await this.#files.write(this.name, await this.#files.read(this.name, files))
    const now = this.#now()
    const outcome = await this.#delta.commit(snapshot, {
      operation: 'OPTIMIZE',
      reads: { kind: 'files', matches: () => false },
      actions: [
        addOf(merged, now, false),
        ...files.map(({ path }) => ({ remove: { path, deletionTimestamp: now, dataChange: false } })),
      ],
    })
    if (outcome.kind === 'committed') this.#snapshot = outcome.snapshot
  }

  async refresh(): Promise<Snapshot> {
    this.#snapshot = this.#snapshot ? await this.#delta.update(this.#snapshot) : await this.#delta.snapshot()
    return this.#snapshot
  }

  #rewrite(step: PlanStep, operation: string, rewrite: (rows: PlainRow[]) => Promise<PlainRow[]>) {
    return this.#commit(step, async (snapshot) => {
      const remove = [...snapshot.files()]
      const rows = await rewrite(await this.#files.read(this.name, remove))
      const add = rows.length > 0 ? [await this.#files.write(this.name, rows)] : []
      return { add, remove, reads: { kind: 'table' }, operation }
    })
  }

  async #commit(step: PlanStep, change: (snapshot: Snapshot) => Promise<Change>): Promise<'applied' | 'conflict'> {
    const snapshot = await this.refresh()
    if (!this.stands(snapshot, step)) return 'conflict'
    const { add, remove, reads, operation } = await change(snapshot)
    const now = this.#now()
    const actions: Action[] = [
      { txn: { appId: this.#txn, version: step.through, lastUpdated: now } },
      ...add.map((file) => addOf(file, now)),
      ...remove.map(({ path }) => ({ remove: { path, deletionTimestamp: now, dataChange: true } })),
    ]
    const outcome = await this.#delta.commit(snapshot, { operation, actions, reads })
    this.#snapshot = outcome.snapshot
    return outcome.kind === 'committed' ? 'applied' : 'conflict'
  }
}

const appliedIn = (snapshot: Snapshot, txn: string) => Number(snapshot.txn(txn) ?? -1)

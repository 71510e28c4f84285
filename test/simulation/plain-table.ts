import { type DeltaStore, openSnapshot, type Snapshot, tryCommit } from '@sluice/delta'
import { addOf, LEDGER_TXN, type PlannedFile, type PlanStep, type PlanTarget } from '@sluice/lake/ledger/index'
import { type LedgerRow, readRows, writeRows } from './plain-rows.ts'
import type { TableParts } from './tables.ts'

/** A quarantine row also says what closed it. */
export type TableRow = LedgerRow & { closed_by?: string }

/** A Delta table with rows in JSON files: real log, real transactions; the merge itself is a plain loop. */
export class PlainTable implements PlanTarget {
  readonly #parts: TableParts
  readonly #name: string
  readonly #txn: string
  #snapshot: Snapshot | undefined

  constructor(name: string, parts: TableParts, txn: string = LEDGER_TXN) {
    this.#name = name
    this.#parts = parts
    this.#txn = txn
  }

  async applied(): Promise<number> {
    return Number((await this.#newest()).txn(this.#txn) ?? -1)
  }

  append(files: readonly PlannedFile[], step: PlanStep): Promise<'applied' | 'conflict'> {
    return this.#commit(step, async () => ({ add: [...files], remove: false }))
  }

  merge(files: readonly PlannedFile[], step: PlanStep): Promise<'applied' | 'conflict'> {
    return this.#commit(step, async (store, rows) => {
      const newest = new Map(rows.map((row) => [row.key, row]))
      for (const row of await readRows<TableRow>(store, this.#name, files)) {
        const kept = newest.get(row.key)
        if (!kept || row.event_id > kept.event_id) newest.set(row.key, row)
      }
      return { add: [await writeRows(store, this.#name, [...newest.values()])], remove: true }
    })
  }

  close(ids: readonly { event_id: string; by: string }[], step: PlanStep): Promise<'applied' | 'conflict'> {
    return this.#commit(step, async (store, rows) => {
      const by = new Map(ids.map((id) => [id.event_id, id.by]))
      const closed = rows.map((row) =>
        by.has(row.event_id) && row.closed_by === undefined ? { ...row, closed_by: by.get(row.event_id) } : row,
      )
      return { add: [await writeRows(store, this.#name, closed)], remove: true }
    })
  }

  async rows(): Promise<TableRow[]> {
    return readRows<TableRow>(this.#parts.store, this.#name, [...(await this.#newest()).files()])
  }

  async #newest(): Promise<Snapshot> {
    this.#snapshot = this.#snapshot
      ? await this.#snapshot.update()
      : await openSnapshot({ store: this.#parts.store, root: `lake/${this.#name}`, codec: this.#parts.codec })
    return this.#snapshot
  }

  async #commit(
    step: PlanStep,
    change: (store: DeltaStore, rows: TableRow[]) => Promise<{ add: PlannedFile[]; remove: boolean }>,
  ): Promise<'applied' | 'conflict'> {
    const snapshot = await this.#newest()
    if (Number(snapshot.txn(this.#txn) ?? -1) !== step.after) return 'conflict'
    const files = [...snapshot.files()]
    const { add, remove } = await change(
      this.#parts.store,
      await readRows<TableRow>(this.#parts.store, this.#name, files),
    )
    const now = this.#parts.now()
    const outcome = await tryCommit(snapshot, {
      operation: remove ? 'MERGE' : 'WRITE',
      actions: [
        { txn: { appId: this.#txn, version: step.through, lastUpdated: now } },
        ...add.map((file) => ({ add: addOf(file, now) })),
        ...(remove
          ? files.map((file) => ({ remove: { path: file.path, deletionTimestamp: now, dataChange: true } }))
          : []),
      ],
    })
    if (outcome.kind === 'lost') return 'conflict'
    this.#snapshot = outcome.snapshot
    return 'applied'
  }
}

import { DeltaTable, type Snapshot } from '@sluice/delta'
import { hyparquetCodec } from '@sluice/delta/hyparquet-codec'
import { type Faults, openMemoryStore } from '@sluice/object-store/memory-store'
import type { WrittenBatch } from '../../src/ledger/batch.ts'
import { Ledger } from '../../src/ledger/ledger.ts'
import type { PlannedFile } from '../../src/ledger/plan.ts'

export interface LedgerWorld {
  delta: DeltaTable
  clock: { now_ms: number }
  /** Assign to make the store fail. */
  faults: Faults
  open(): Promise<Ledger>
  /** As another worker's decision, or by the given ledger: offset `from` to `next` of a partition. */
  decide(by: Ledger, partition: number, next: number, entries?: WrittenBatch['entries']): Promise<number>
  /** Two files become one, as a compaction does it. */
  compact(snapshot: Snapshot): Promise<void>
}

/** A ledger in memory, without rows in its files. */
export async function openLedgerWorld(): Promise<LedgerWorld> {
  const clock = { now_ms: 1_760_000_000_000 }
  const faults: Faults = {}
  const store = openMemoryStore({
    faults: { before: (operation, key) => faults.before?.(operation, key) },
  })
  const now = () => clock.now_ms++
  const delta = new DeltaTable({ store, root: 'ledger', codec: hyparquetCodec, now })
  await delta.create({ schema: { type: 'struct', fields: [] }, tableId: 'b2b4c6f0-0000-4000-8000-000000000000' })
  let files = 0
  return {
    delta,
    clock,
    faults,
    open: () => Ledger.open(delta, { log_epoch: 'e1', now }),
    async decide(by, partition, next, entries = {}) {
      await by.refresh()
      const covered = new Map([[partition, { from: by.nextOffset(partition), next: BigInt(next) }]])
      const outcome = await by.commit(covered, batchOf(fileOf(`part-${files++}`), entries), 'types', by.version)
      if (outcome.kind !== 'committed') throw new Error(`expected a decision, got ${outcome.kind}`)
      return outcome.version
    },
    async compact(snapshot) {
      const merged = [...snapshot.files()]
      const outcome = await delta.commit(snapshot, {
        operation: 'OPTIMIZE',
        reads: { kind: 'nothing' },
        actions: [
          {
            add: {
              path: `merged-${files++}`,
              partitionValues: {},
              size: 1,
              modificationTime: now(),
              dataChange: false,
            },
          },
          ...merged.map(({ path }) => ({ remove: { path, deletionTimestamp: now(), dataChange: false } })),
        ],
      })
      if (outcome.kind !== 'committed') throw new Error(`expected a compaction, got ${outcome.kind}`)
    },
  }
}

export const fileOf = (path: string): PlannedFile => ({ path, size: 1, rows: 1, stats: '{"numRecords":1}' })

export const batchOf = (ledger: PlannedFile | undefined, entries: WrittenBatch['entries'] = {}): WrittenBatch => ({
  ledger,
  idHashes: new BigInt64Array(0),
  entries,
  counts: { stored: 1, quarantined: 0, repeats: 0, redelivered: 0 },
  awaited: [],
})

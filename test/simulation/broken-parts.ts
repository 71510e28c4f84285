import { type DeltaStore, DeltaTable } from '@sluice/delta'
import { IdFilter, KnownIds, type Ledger, type LedgerRows, type LoadedBatch } from '@sluice/lake/ledger/index'
import { Aloof, Amnesiac, Hasty, OnceJudging } from './broken-ids.ts'
import { ClosingAll, LastComes, Overtaking, Unheeding } from './broken-tables.ts'
import { hashOf } from './plain-rows.ts'
import { IDS } from './sim-event.ts'
import { IDS_AT_FIRST, type Variant } from './worker.ts'

/**
 * One guard of the protocol taken out each, by a part in the place of the real one. That the simulation finds every one
 * of them is what its silence about the real parts is worth.
 */
export const BROKEN_PARTS: Readonly<Record<string, Variant>> = {
  'a batch is committed although another worker moved its partitions': {
    batch: (batch, ledger) => ({ ...methodsOf(batch), covered: unfenced(batch.covered, ledger) }),
  },
  'after a lost race the ids are not checked again': { known: (rows) => new OnceJudging(rows, filter()) },
  'ids that other workers committed are never learnt': { known: (rows) => new Aloof(rows, filter()) },
  'ids that could not be read are taken as learnt': { known: (rows) => new Hasty(rows, filter()) },
  'ids are not known after a restart': { known: (rows) => new Amnesiac(rows, filter()) },
  'ids are told apart by their hash alone': { known: (rows) => new KnownIds(byHash(rows), filter()) },
  'a receipt that comes again counts as a repeat': {
    batch: (batch) => ({ ...methodsOf(batch), ...withoutPlaces(batch) }),
  },
  'the consumer does not go back after a failure': {
    consumer: (consumer) => ({
      poll: (limits) => consumer.poll(limits),
      positions: () => consumer.positions(),
      seek: () => undefined,
      close: () => consumer.close(),
    }),
  },
  'a commit takes any other for its own': { delta: (options) => new DeltaTable({ ...options, token: () => 'same' }) },
  'the store looks first and then writes': {
    delta: (options) => new DeltaTable({ ...options, store: lookFirst(options.store) }),
  },
  'a plan is applied wherever the table stands': { table: Unheeding },
  'a plan is applied although another worker has just done it': { delta: (options) => new Overtaking(options) },
  'the row of a key is the one that came last': { table: LastComes },
  'closings do not wait for the entries that they close': { closing: (closing) => closing },
  'closings close conflicts, too': { table: ClosingAll },
}

const filter = () => new IdFilter(IDS_AT_FIRST)

const methodsOf = (batch: LoadedBatch): LoadedBatch => ({
  covered: batch.covered,
  idHashes: batch.idHashes,
  arrivals: (seqs) => batch.arrivals(seqs),
  write: (verdicts) => batch.write(verdicts),
  close: () => batch.close(),
})

function unfenced(covered: LoadedBatch['covered'], ledger: Ledger): LoadedBatch['covered'] {
  return new Map(
    [...covered].map(([partition, { next }]) => [
      partition,
      {
        get from() {
          return ledger.nextOffset(partition)
        },
        next,
      },
    ]),
  )
}

function withoutPlaces(batch: LoadedBatch): Pick<LoadedBatch, 'arrivals'> {
  return {
    arrivals: async (seqs) => (await batch.arrivals(seqs)).map((arrival) => ({ ...arrival, raw_batch: 'elsewhere' })),
  }
}

function byHash(rows: LedgerRows): LedgerRows {
  return {
    idHashes: (files) => rows.idHashes(files),
    async receipts(files, ids) {
      const all = await rows.receipts(files, ALL_IDS)
      return ids.flatMap(({ event_id, hash }) =>
        all.filter((receipt) => hashOf(receipt.event_id) === hash).map((receipt) => ({ ...receipt, event_id })),
      )
    },
  }
}

const ALL_IDS = IDS.map((event_id) => ({ event_id, hash: hashOf(event_id) }))

function lookFirst(store: DeltaStore): DeltaStore {
  return {
    ...store,
    async putIfAbsent(key, bytes) {
      if (await store.head(key)) return { kind: 'exists' }
      return { kind: 'created', ...(await store.put(key, bytes)) }
    },
  }
}

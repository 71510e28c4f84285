import { DeltaTable } from '@sluice/delta'
import { hyparquetCodec } from '@sluice/delta/hyparquet-codec'
import { type LogConsumer, localNotices, type PolledRecord } from '@sluice/event-log'
import { DuckdbError, KnownIds, Ledger, type LoadedBatch, type PlannedFile, type PlanTarget } from '@sluice/lake'
import { type Faults, openMemoryStore } from '@sluice/object-store/memory-store'
import { describe, expect, it } from 'vitest'
import { TablePump } from '../src/table-pump.ts'
import { Transformer } from '../src/transformer.ts'

const LIMITS = { freshness_ms: 0, max_records: 3, max_bytes: 1e6, max_wait_ms: 0, look_every_ms: 0 }
const FILE: PlannedFile = { path: 'p', size: 1, rows: 1, stats: '{}' }

interface World {
  ledger: Ledger
  transformer: Transformer
  pump: TablePump
  consumer: LogConsumer
  faults: Faults
  /** Offsets of each batch that was decided. */
  decided: bigint[][]
  /** Offsets of batches that were typed and are not closed. */
  open: Set<bigint[]>
  /** What the pump could not do. */
  failures: unknown[]
  follower: { calls: number; fails: boolean }
  /** Batches of more records than this are more than the memory has. */
  memory: { records: number }
}

/** A transformer over one partition of `records` records, at most `a_poll` of them at once, with one table `movies`. */
async function openWorld(records: number, a_poll = LIMITS.max_records): Promise<World> {
  const faults: Faults = {}
  const store = openMemoryStore({ faults: { before: (operation, key) => faults.before?.(operation, key) } })
  const delta = new DeltaTable({ store, root: 'ledger', codec: hyparquetCodec })
  await delta.create({ schema: { type: 'struct', fields: [] }, tableId: 'b2b4c6f0-0000-4000-8000-000000000001' })
  const ledger = await Ledger.open(delta, { log_epoch: 'e1', now: Date.now })
  const notices = localNotices()
  const failures: unknown[] = []
  const follower = { calls: 0, fails: false }
  const pump = new TablePump({
    ledger,
    notices,
    max_behind: 0,
    failed: (_, error) => failures.push(error),
    tables: [{ name: 'movies', target: targetOf(), version: () => 0, followers: () => follow(follower) }],
  })
  const decided: bigint[][] = []
  const open = new Set<bigint[]>()
  const memory = { records: Number.POSITIVE_INFINITY }
  let serial = 0
  const transformer = new Transformer({
    ledger,
    known: new KnownIds({ async *idHashes() {}, receipts: async () => [] }),
    pump,
    notices,
    types: 'types',
    limits: LIMITS,
    now: Date.now,
    loader: {
      load: async (polled, covered) => {
        const offsets = polled.map(({ offset }) => offset)
        if (offsets.length > memory.records) throw new DuckdbError('out_of_memory', 'the memory is used up')
        open.add(offsets)
        const batch = batchOf(covered, serial++)
        // Nothing but the decision comes between the write and the close of a batch that became one.
        return {
          ...batch,
          close: async () => {
            open.delete(offsets)
            if (ledger.nextOffset(0) === (covered.get(0)?.next ?? 0n)) decided.push(offsets)
          },
        }
      },
    },
  })
  const consumer = consumerOf(records, a_poll, transformer)
  return { ledger, transformer, pump, consumer, faults, decided, open, failures, follower, memory }
}

async function follow(follower: World['follower']) {
  follower.calls++
  if (follower.fails) throw new Error('the follower failed')
  return []
}

function targetOf(): PlanTarget {
  let at = -1
  const take = async (_: unknown, { through }: { through: number }) => {
    at = through
    return 'applied' as const
  }
  return { applied: async () => at, append: take, merge: take, close: take }
}

const batchOf = (covered: LoadedBatch['covered'], serial: number): LoadedBatch => ({
  covered,
  idHashes: new BigInt64Array(0),
  arrivals: async () => [],
  write: async () => ({
    ledger: { ...FILE, path: `part-${serial}` },
    idHashes: new BigInt64Array(0),
    entries: { movies: { kind: 'append', files: [FILE] } },
    counts: { stored: 1, quarantined: 0, repeats: 0, redelivered: 0 },
    awaited: [],
  }),
  close: async () => undefined,
})

/** Owns partition 0 from the first poll on. */
function consumerOf(records: number, a_poll: number, transformer: Transformer): LogConsumer {
  let position: bigint | undefined
  return {
    async poll({ max_records }) {
      position ??= (await transformer.startFrom([{ partition: 0 }])).get(0) ?? 0n
      const polled: PolledRecord[] = []
      for (; polled.length < Math.min(a_poll, max_records) && position < BigInt(records); position++)
        polled.push({ partition: 0, offset: position, value: new Uint8Array(0) })
      return { generation: 1, records: polled }
    },
    positions: () => new Map([[0, position ?? 0n]]),
    seek: (positions) => {
      position = positions.get(0)
    },
    close: async () => undefined,
  }
}

const failing = () => {
  throw new Error('the store is down')
}

describe('Transformer', () => {
  it('decides all records once, batch after batch', async () => {
    const { transformer, consumer, decided, ledger } = await openWorld(7)
    while ((await transformer.turn(consumer)) > 0);
    expect(decided).toEqual([[0n, 1n, 2n], [3n, 4n, 5n], [6n]])
    expect(ledger.nextOffset(0)).toBe(7n)
  })

  it('skips nothing when the store fails in a batch and still fails when it wants to go back', async () => {
    const { transformer, consumer, decided, faults, ledger } = await openWorld(7)
    await transformer.turn(consumer)
    faults.before = failing
    for (let turn = 0; turn < 3; turn++) await expect(transformer.turn(consumer)).rejects.toThrow()
    faults.before = undefined
    while ((await transformer.turn(consumer)) > 0);
    expect(decided).toEqual([[0n, 1n, 2n], [3n, 4n, 5n], [6n]])
    expect(ledger.nextOffset(0)).toBe(7n)
  })

  it('takes a batch in halves that is more than the memory has, and larger ones again later', async () => {
    const { transformer, consumer, decided, open, ledger, memory } = await openWorld(30)
    memory.records = 1
    await expect(transformer.turn(consumer)).rejects.toMatchObject({ code: 'out_of_memory' })
    await transformer.turn(consumer)
    memory.records = Number.POSITIVE_INFINITY
    while ((await transformer.turn(consumer)) > 0);
    expect(decided.flat()).toEqual(Array.from({ length: 30 }, (_, at) => BigInt(at)))
    expect(decided[0]).toHaveLength(1)
    expect(Math.max(...decided.map(({ length }) => length))).toBeGreaterThan(1)
    expect(ledger.nextOffset(0)).toBe(30n)
    expect(open.size).toBe(0)
  })

  it('finds the place of partitions whose assignment it did not notice', async () => {
    const { transformer, consumer, decided } = await openWorld(3, 1)
    await transformer.turn(consumer)
    // The late answer to an assignment that another one has overtaken.
    await transformer.startFrom([])
    for (let turn = 0; turn < 4; turn++) await transformer.turn(consumer)
    expect(decided).toEqual([[0n], [1n], [2n]])
  })

  it('types the next batch of a backlog while one is settled, and drops it when that one fails', async () => {
    const { transformer, consumer, decided, open, faults } = await openWorld(7)
    await transformer.turn(consumer)
    expect([...open]).toEqual([[3n, 4n, 5n]])
    faults.before = failing
    await expect(transformer.turn(consumer)).rejects.toThrow()
    expect([...open]).toEqual([[6n]])
    faults.before = undefined
    await transformer.turn(consumer)
    expect(decided).toEqual([
      [0n, 1n, 2n],
      [3n, 4n, 5n],
    ])
    expect([...open]).toEqual([[6n]])
    await transformer.drop()
    expect(open.size).toBe(0)
    while ((await transformer.turn(consumer)) > 0);
    expect(decided.at(-1)).toEqual([6n])
  })
})

describe('TablePump', () => {
  it('calls followers that failed again, although the table itself is up to date', async () => {
    const { transformer, consumer, pump, follower, failures } = await openWorld(3)
    follower.fails = true
    await transformer.turn(consumer)
    await pump.drain()
    expect(failures).toHaveLength(1)
    expect(pump.behind).toBe(true)
    follower.fails = false
    await transformer.turn(consumer)
    expect(follower.calls).toBe(2)
    expect(pump.behind).toBe(false)
  })
})

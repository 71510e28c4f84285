import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Action, CommitInfo } from '../src/actions.ts'
import { DeltaError } from '../src/delta-error.ts'
import { DeltaTable } from '../src/delta-table.ts'
import { hyparquetCodec } from '../src/hyparquet-codec.ts'
import { commitKey } from '../src/log-path.ts'
import type { Snapshot } from '../src/snapshot.ts'
import { FaultyStore, StoreFault } from './faulty-store.ts'
import { add, define, paths, remove } from './tables.ts'

const RUNS = Number(process.env['SLUICE_MODEL_RUNS'] ?? 200)
const ROOT = 'lake/t'
const WRITERS = 3
const PHASES = 3
const STEPS = 3
const COUNTER = 'counter'
/** How long all writers rest after a phase, each with the snapshot that it has: a snapshot is trusted for ten minutes. */
const RESTS_MS = [0, 300_000, 700_000, 2_000_000]
/** Longer than a snapshot is trusted. */
const RETENTION_MS = 1_000_000

/** What one writer did and what it was told. */
interface Told {
  id: string
  outcome: 'committed' | 'conflict' | 'unknown' | 'failed'
  version?: number
}

/** The plain model: what the log says, entry by entry, read without faults and without any code of ours. */
type Model = Map<number, { ids: string[]; timestamp: number; files: string[]; counter: number }>

it('any writers on a store that fails, times out, is slow and lists late: no commit lost, none twice, no wrong state', async () => {
  let committed = 0
  let conflicts = 0
  const rates = fc.record({
    fails: fc.constantFrom(0, 0.02, 0.2),
    unanswered: fc.constantFrom(0, 0.02, 0.2),
    late: fc.constantFrom(0, 0.5),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.integer(),
      rates,
      fc.constantFrom(true, true, false),
      async (scheduler, seed, rates, cleaned) => {
        const random = randomFrom(seed)
        const clock = { now_ms: 1_700_000_000_000 }
        const store = new FaultyStore(random, clock, (label) => scheduler.schedule(Promise.resolve(), label))
        const history: Model = new Map()
        const writers = Array.from({ length: WRITERS }, (_, at) => {
          const name = `w${at}`
          let tokens = 0
          const table = tableOn(store, clock, () => `${name}/token-${tokens++}`)
          return { table, store, random, clock, history, name, steps: 0, cleans: cleaned && at === 0 }
        })
        const told: Told[] = []
        for (let phase = 0; phase < PHASES; phase++) {
          store.rates = rates
          told.push(...(await scheduler.waitFor(Promise.all(writers.map(run)))).flat())
          clock.now_ms += RESTS_MS[Math.floor(random() * RESTS_MS.length)] ?? 0
        }
        store.rates = { fails: 0, unanswered: 0, late: 0 }
        remember(store, history)
        judge(told, history)
        committed += told.filter(({ outcome }) => outcome === 'committed').length
        conflicts += told.filter(({ outcome }) => outcome === 'conflict').length
        const last = tableOn(store, clock, () => 'last')
        // The store may have refused every attempt to create it.
        if (history.size === 0) await scheduler.waitFor(last.create(define))
        remember(store, history)
        const end = await scheduler.waitFor(last.snapshot())
        agrees(end, history)
        expect(end.version).toBe(Math.max(...history.keys()))
      },
    ),
    { numRuns: RUNS },
  )
  expect(committed).toBeGreaterThan(RUNS)
  expect(conflicts).toBeGreaterThan(RUNS / 20)
})

interface Writer {
  table: DeltaTable
  store: FaultyStore
  random: () => number
  clock: { now_ms: number }
  history: Model
  name: string
  cleans: boolean
  /** Taken so far. */
  steps: number
  snapshot?: Snapshot
}

function tableOn(store: FaultyStore, clock: { now_ms: number }, token: () => string): DeltaTable {
  return new DeltaTable({ store, root: ROOT, codec: hyparquetCodec, now: () => clock.now_ms, token })
}

/** One writer: opens or creates the table and takes its steps; what the store refuses is tried again later or given up. */
async function run(writer: Writer): Promise<Told[]> {
  const { table, store, random, clock, name } = writer
  let { snapshot } = writer
  const told: Told[] = []
  for (let step = 0; step < STEPS; step++) {
    clock.now_ms += Math.floor(random() * 1_000) - 200
    snapshot = await survives(async () => {
      if (!snapshot) return (await table.create(define)).snapshot
      const known = newest(store)
      const next = random() < 0.3 ? await table.snapshot() : await table.update(snapshot)
      // Whatever was committed before the look began is seen.
      expect(next.version).toBeGreaterThanOrEqual(known)
      return next
    }, snapshot)
    if (!snapshot) continue
    remember(store, writer.history)
    agrees(snapshot, writer.history)
    const result = await attempt(table, snapshot, `${name}/${writer.steps++}`, random)
    told.push(result.told)
    snapshot = result.snapshot ?? snapshot
    remember(store, writer.history)
    agrees(snapshot, writer.history)
    const at = snapshot
    if (random() < 0.3) await survives(() => table.writeCheckpoint(at), undefined)
    if (writer.cleans && random() < 0.3) await survives(() => table.cleanLog({ retention_ms: RETENTION_MS }), undefined)
    if (random() < 0.2)
      await survives(
        async () => agrees(await table.snapshot(Math.floor(random() * at.version)), writer.history),
        undefined,
      )
  }
  writer.snapshot = snapshot
  return told
}

async function attempt(
  table: DeltaTable,
  snapshot: Snapshot,
  id: string,
  random: () => number,
): Promise<{ told: Told; snapshot?: Snapshot }> {
  const file = [...snapshot.files()].at(Math.floor(random() * snapshot.fileCount))
  const counter = Number(snapshot.txn(COUNTER) ?? 0)
  const kind = random()
  const actions: Action[] = [add(id)]
  if (kind < 0.3 && file) actions.push(remove(file.path))
  if (kind > 0.7) actions.push({ txn: { appId: COUNTER, version: counter + 1 } })
  try {
    const outcome = await table.commit(snapshot, {
      actions,
      operation: 'WRITE',
      commitInfo: { id },
      reads: kind < 0.15 ? { kind: 'table' } : { kind: 'nothing' },
    })
    if (outcome.kind === 'conflict') return { told: { id, outcome: 'conflict' }, snapshot: outcome.snapshot }
    return { told: { id, outcome: 'committed', version: outcome.version }, snapshot: outcome.snapshot }
  } catch (error) {
    if (error instanceof DeltaError && error.code === 'unknown_outcome') return { told: { id, outcome: 'unknown' } }
    if (error instanceof StoreFault || (error instanceof DeltaError && error.retryable))
      return { told: { id, outcome: 'failed' } }
    throw error
  }
}

/** The result, or `otherwise` if the store would not do it just now. */
async function survives<T, U>(work: () => Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await work()
  } catch (error) {
    const gone = error instanceof DeltaError && (error.retryable || error.code === 'version_not_found')
    if (error instanceof StoreFault || gone) return otherwise
    throw error
  }
}

/** Adds the entries that are there by now to what is known of the log; an entry never changes once it is there. */
function remember(store: FaultyStore, history: Model): void {
  for (let version = history.size; ; version++) {
    const object = store.inner.objects.get(commitKey(ROOT, version))
    if (!object) return
    const before = history.get(version - 1)
    const files = new Set(before?.files)
    const entry = { ids: [] as string[], timestamp: 0, files: [] as string[], counter: before?.counter ?? 0 }
    for (const line of new TextDecoder().decode(object.bytes).trim().split('\n')) {
      const action = JSON.parse(line) as Partial<Record<string, { path: string; version: number }>> & {
        commitInfo?: CommitInfo
      }
      if (action.add) files.add(action.add.path)
      if (action['remove']) files.delete(action['remove'].path)
      if (action['txn']) entry.counter = action['txn'].version
      if (action.commitInfo) {
        entry.ids.push(String(action.commitInfo['id'] ?? 'create'))
        entry.timestamp = action.commitInfo.timestamp ?? 0
      }
    }
    entry.files = [...files].sort()
    history.set(version, entry)
  }
}

function newest(store: FaultyStore): number {
  const versions = [...store.inner.objects.keys()].flatMap((key) => /_delta_log\/(\d{20})\.json$/.exec(key)?.[1] ?? [])
  return Math.max(-1, ...versions.map(Number))
}

function agrees(snapshot: Snapshot, history: Model): void {
  const expected = history.get(snapshot.version)
  expect({ files: paths(snapshot.files()), counter: Number(snapshot.txn(COUNTER) ?? 0) }).toEqual({
    files: expected?.files,
    counter: expected?.counter,
  })
}

/** Every commit is there as often as its writer was told, times and the counter only go up. */
function judge(told: readonly Told[], history: Model): void {
  const places = new Map<string, number[]>()
  for (const [version, { ids }] of history) for (const id of ids) places.set(id, [...(places.get(id) ?? []), version])
  for (const { id, outcome, version } of told) {
    const there = places.get(id) ?? []
    if (outcome === 'committed') expect(there).toEqual([version])
    else if (outcome === 'unknown') expect(there.length).toBeLessThanOrEqual(1)
    else expect(there).toEqual([])
  }
  let before = { timestamp: 0, counter: 0 }
  for (const entry of history.values()) {
    expect(entry.timestamp).toBeGreaterThan(before.timestamp)
    expect([before.counter, before.counter + 1]).toContain(entry.counter)
    before = entry
  }
}

/** Mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

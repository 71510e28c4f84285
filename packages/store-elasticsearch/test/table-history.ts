import type { ChangeBatch, Progress, RowChange, Store } from '@sluice/store'
import { postRow } from './search-tables.ts'

export const at = (version: number, step?: Progress['step']): Progress => ({
  table_id: 't1',
  version,
  ...(step && { step }),
})
export const batch = (
  expected: Progress | undefined,
  next: Progress,
  changes: readonly RowChange[] = [],
): ChangeBatch => ({
  table: 'posts',
  expected,
  next,
  changes,
})
export const post = (id: string, version: number, op: RowChange['op'] = 'upsert'): RowChange => ({
  ...postRow(id, `text of ${id}`, version),
  op,
})

export interface State {
  /** Version that made each row. */
  rows: Map<string, number>
}

/** Versions 0 to n-1 of a table whose rows come, change and go. */
export function historyOf(random: () => number, versions: number): State[] {
  const states: State[] = []
  for (let version = 0; version < versions; version++) {
    const rows = new Map(states.at(-1)?.rows)
    for (let i = 0; i < 4; i++) {
      const id = `p${Math.floor(random() * 12)}`
      if (random() < 0.45) rows.delete(id)
      else rows.set(id, version)
    }
    states.push({ rows })
  }
  return states
}

/** Net changes between two versions, in an order of their own that is always the same, in chunks of two. */
function chunksOf(history: State[], from: number, to: number): RowChange[][] {
  const before = history[from]?.rows ?? new Map<string, number>()
  const after = history[to]!.rows
  const changes: RowChange[] = []
  for (const [id, version] of after) if (before.get(id) !== version) changes.push(post(id, version))
  for (const id of before.keys()) {
    if (after.has(id)) continue
    const gone = history.findIndex((state, version) => version > from && !state.rows.has(id) && version <= to)
    let last = gone
    for (let v = gone; v <= to; v++) if (history[v - 1]?.rows.has(id) && !history[v]!.rows.has(id)) last = v
    changes.push(post(id, last, 'delete'))
  }
  changes.sort((a, b) => (a.identity < b.identity ? -1 : 1))
  return Array.from({ length: Math.max(1, Math.ceil(changes.length / 2)) }, (_, i) => changes.slice(i * 2, i * 2 + 2))
}

/** What the runner's follower does, with heads that grow at random. */
export async function follow(sink: Store, history: State[], random: () => number): Promise<void> {
  let head = 0
  for (;;) {
    const progress = await again(() => sink.progress().then((all) => all['posts']))
    if (progress && !progress.step && progress.version === history.length - 1) return
    head = Math.min(history.length - 1, Math.max(head, progress?.version ?? 0) + Math.ceil(random() * 3))
    const from = progress?.version ?? -1
    const target = progress?.step?.target ?? head
    const chunks = chunksOf(history, from, target)
    let expected = progress
    for (let i = progress?.step?.chunks ?? 0; i < chunks.length; i++) {
      const next = i === chunks.length - 1 ? at(target) : at(from, { target, chunks: i + 1 })
      const outcome = await again(() => sink.apply(batch(expected, next, chunks[i])))
      if (outcome.kind === 'superseded') break
      expected = next
    }
  }
}

/** As the runner does with faults that pass. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Error && 'retryable' in error && error.retryable)) throw error
    }
  }
  throw new Error('it did not pass')
}

/** mulberry32 */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

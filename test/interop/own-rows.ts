import type { PlainRow } from './engine-session.ts'
import { film } from './movies.ts'

/**
 * What one of several writers does to a table: its rows are its own, so that what must be there in the end does not
 * depend on the order of writers, but the files that hold them are everybody's.
 */
export type Step =
  | { kind: 'append' | 'merge'; rows: PlainRow[] }
  | { kind: 'delete'; keys: string[] }
  | { kind: 'optimize' }

/** Steps of a writer, the same each time for a seed, and the rows of it that must be there after all of them. */
export function stepsOf(writer: string, seed: number, count: number): { steps: Step[]; rows: PlainRow[] } {
  const random = randomFrom(seed)
  const rows = new Map<string, PlainRow>()
  const row = (id: number, round: number) => ({ ...film(id, round), movie_id: `${writer}-${id}` })
  let ids = 0
  const steps = Array.from({ length: count }, (_, round): Step => {
    const choice = random()
    if (choice < 0.45 || rows.size < 10) {
      const fresh = Array.from({ length: 5 }, () => row(ids++, round))
      for (const added of fresh) rows.set(String(added.movie_id), added)
      return { kind: 'append', rows: fresh }
    }
    if (choice < 0.7) {
      const chosen = new Set([...Array(4)].map(() => Math.floor(random() * ids)))
      const merged = [...chosen, ids++, ids++].map((id) => row(id, round))
      for (const changed of merged) rows.set(String(changed.movie_id), changed)
      return { kind: 'merge', rows: merged }
    }
    if (choice < 0.9) {
      const keys = [...rows.keys()].filter(() => random() < 0.2)
      for (const key of keys) rows.delete(key)
      return { kind: 'delete', keys }
    }
    return { kind: 'optimize' }
  })
  return { steps, rows: [...rows.values()] }
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

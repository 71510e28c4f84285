import type { PlainRow } from '@sluice/lake'

/** What a comparison's one row says: how many, and the ids that are named. */
export function counted(row: PlainRow | undefined) {
  return {
    count: (name: string): number => Number(row?.[name] ?? 0),
    ids(name: string): string[] {
      const named = row?.[name]
      return Array.isArray(named) ? named.map(String) : []
    },
  }
}

import type { Refusal } from '../store.ts'

export interface RunnerEvents {
  /** A store stands at a version of a table and readers see it. */
  advanced?(table: string, version: number, rows: number): void
  /** It was looked at and the store stands at the newest version, as it did before. */
  stands?(table: string, version: number): void
  /** A store took these many changes; those that it refused among them. */
  applied?(table: string, rows: number): void
  refused?(table: string, refusals: readonly Refusal[]): void
  /** The store, or the table behind it, failed; `again_in_ms` until the next attempt. */
  failed?(table: string, error: unknown, again_in_ms: number): void
  /** A table is loaded from its beginning: the first time, or because its progress is of no use any more. */
  reloading?(table: string, reason: string): void
}

export interface TableState {
  table: string
  /** The table version that the store has; undefined: nothing yet. */
  version: number | undefined
  head: number | undefined
  /** Since when the store has been behind; undefined: it is not. */
  behind_since_ms: number | undefined
  error: string | undefined
}

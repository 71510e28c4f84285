import type { Row } from '@sluice/store'

/** One row of an edge: its place in the order and what the edge shows when it is the newest. */
export interface Entry {
  /** Compares by UTF-8 bytes as the field does; '' for an absent value, which is the oldest. */
  order: string
  event_id: string
  properties: Row
}

/**
 * An edge's rows: how many there are, and the newest few of them, newest first. All rows of `newest` are newer than
 * any that is only counted, so that one can be taken away again without knowing the others.
 */
export interface EdgeSummary {
  rows: number
  newest: readonly Entry[]
}

/** The rows an edge remembers. Deleting more of its newest rows than this needs a reload of the table. */
export const REMEMBERED_ROWS = 8
/** Their size as JSON; beyond it fewer are remembered, at least the newest. */
const REMEMBERED_BYTES = 32_768

/** Adds rows; one whose event_id is remembered replaces it. */
export function withRows(summary: EdgeSummary | undefined, added: readonly Entry[]): EdgeSummary {
  const ids = new Set(added.map((entry) => entry.event_id))
  const kept = summary?.newest.filter((entry) => !ids.has(entry.event_id)) ?? []
  const replaced = (summary?.newest.length ?? 0) - kept.length
  const rows = (summary?.rows ?? 0) + added.length - replaced
  const counted = (summary?.rows ?? 0) - (summary?.newest.length ?? 0)
  const oldest = summary?.newest.at(-1)
  const fits = counted === 0 || !oldest ? added : added.filter((entry) => compareEntries(entry, oldest) > 0)
  return { rows, newest: remembered([...kept, ...fits].sort((a, b) => compareEntries(b, a))) }
}

/**
 * Takes rows away. `undefined`: no row is left. `'unknown'`: rows are left, but none of them is remembered.
 */
export function withoutRows(summary: EdgeSummary, removed: readonly Entry[]): EdgeSummary | undefined | 'unknown' {
  const ids = new Set(removed.map((entry) => entry.event_id))
  const rows = summary.rows - removed.length
  if (rows <= 0) return undefined
  const newest = summary.newest.filter((entry) => !ids.has(entry.event_id))
  return newest.length === 0 ? 'unknown' : { rows, newest }
}

export function compareEntries(a: Entry, b: Entry): number {
  return compareUtf8(a.order, b.order) || compareUtf8(a.event_id, b.event_id)
}

/** By the UTF-8 bytes, which is by code points; UTF-16 units order surrogates wrongly. */
export function compareUtf8(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}

export const encodeEntries = (entries: readonly Entry[]): string =>
  JSON.stringify(entries.map(({ order, event_id, properties }) => [order, event_id, properties]))

export function decodeEntries(text: string): Entry[] {
  const entries: [string, string, Row][] = JSON.parse(text)
  return entries.map(([order, event_id, properties]) => ({ order, event_id, properties }))
}

function remembered(entries: readonly Entry[]): Entry[] {
  const kept: Entry[] = []
  let bytes = 0
  for (const entry of entries.slice(0, REMEMBERED_ROWS)) {
    bytes += Buffer.byteLength(JSON.stringify([entry.order, entry.event_id, entry.properties]))
    if (kept.length > 0 && bytes > REMEMBERED_BYTES) break
    kept.push(entry)
  }
  return kept
}

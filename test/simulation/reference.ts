import type { PlainRow } from './plain-rows.ts'
import { positionOf, type SimEvent } from './sim-event.ts'

/** What a receipt is, by the design; `undefined`: it was counted before. */
export type Judgement = { outcome: PlainRow['outcome']; reason: string | null } | undefined

interface Entry {
  readonly version: number
  readonly row: PlainRow
}

/**
 * The design's guarantees (Once, Nothing vanishes, Keyed rows converge) as a plain model that sees receipts one after
 * the other. Written apart from the product's code, so that both would have to be wrong in the same way.
 */
export class Reference {
  readonly #positions = new Set<string>()
  readonly #stored = new Map<string, { content: number; version: number; position: string }>()
  readonly #quarantined = new Set<string>()
  readonly #entries: Entry[] = []

  has(event: SimEvent): boolean {
    return this.#positions.has(positionOf(event))
  }

  judge(event: SimEvent): Judgement {
    if (this.has(event)) return undefined
    const stored = this.#stored.get(event.event_id)
    if (stored?.content === event.content) return { outcome: 'repeat', reason: null }
    if (this.#quarantined.has(JSON.stringify([event.event_id, event.content])))
      return { outcome: 'repeat', reason: null }
    if (stored) return { outcome: 'quarantined', reason: 'id_conflict' }
    return event.valid ? { outcome: 'stored', reason: null } : { outcome: 'quarantined', reason: 'schema_violation' }
  }

  record(version: number, row: PlainRow): void {
    const position = positionOf(row)
    this.#positions.add(position)
    this.#entries.push({ version, row })
    if (row.outcome === 'stored') this.#stored.set(row.event_id, { content: row.content, version, position })
    if (row.outcome === 'quarantined') this.#quarantined.add(JSON.stringify([row.event_id, row.content]))
  }

  get receipts(): readonly PlainRow[] {
    return this.#entries.map(({ row }) => row)
  }

  /** What the plain table holds when it has applied the ledger through a version. */
  plain(through: number): string[] {
    return this.#upTo(through)
      .filter((row) => row.outcome === 'stored' && row.key === undefined)
      .map(positionOf)
      .sort()
  }

  keyed(through: number): string[] {
    const newest = new Map<string, PlainRow>()
    for (const row of this.#upTo(through)) {
      if (row.outcome !== 'stored' || row.key === undefined) continue
      const other = newest.get(row.key)
      if (!other || orderOf(row) > orderOf(other)) newest.set(row.key, row)
    }
    return [...newest.values()].map(positionOf).sort()
  }

  /** `closed`: the ledger version through which closings are applied. */
  quarantine(through: number, closed: number): string[] {
    return this.#upTo(through)
      .filter((row) => row.outcome === 'quarantined')
      .map((row) => {
        const stored = this.#stored.get(row.event_id)
        const by = stored && stored.version <= closed && row.reason !== 'id_conflict' ? stored.position : undefined
        return nameOf(row, by)
      })
      .sort()
  }

  /** Ids that were in the quarantine and whose first valid event a version has stored. */
  closings(version: number): string[] {
    return [...this.#stored]
      .filter(([event_id, stored]) => stored.version === version && this.#waited(event_id))
      .map(([event_id, { position }]) => `${event_id} by ${position}`)
      .sort()
  }

  #waited(event_id: string): boolean {
    const firsts = this.#entries.filter(({ row }) => row.event_id === event_id && row.outcome === 'quarantined')
    return firsts.some(({ row }) => row.reason !== 'id_conflict')
  }

  #upTo(through: number): PlainRow[] {
    return this.#entries.filter(({ version }) => version <= through).map(({ row }) => row)
  }
}

/** A quarantine entry's name in comparisons. */
export const nameOf = (row: PlainRow, closed_by = row.closed_by) =>
  closed_by === undefined ? positionOf(row) : `${positionOf(row)} closed by ${closed_by}`

/** Sorts as (time, event_id by UTF-8 bytes) does. */
const orderOf = (row: PlainRow) =>
  `${String(row.at ?? row.received_at).padStart(20, '0')} ${Buffer.from(row.event_id).toString('hex')}`

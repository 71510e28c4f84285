import type { AddFile, DeltaStore } from '@sluice/delta'
import type { IdWithHash, LedgerRows, Outcome, PlannedFile } from '@sluice/lake/ledger/index'
import { LEDGER_TABLE } from '@sluice/lake/ledger/index'
import type { SimEvent } from './sim-event.ts'

/** A row of any table: what became of a receipt. */
export interface PlainRow extends SimEvent {
  readonly outcome: Outcome
  readonly reason: string | null
  readonly partition: number
  readonly offset: number
  /** Its place in its batch, which is the order in which it was decided. */
  readonly seq: number
  /** In the quarantine: position of the event that closed the entry. */
  readonly closed_by?: string
}

/** What files hold, by object key. The store has the objects themselves, so that they can be late, lost or deleted. */
export type RowsByKey = Map<string, readonly PlainRow[]>

const MARKER = new TextEncoder().encode('rows')

export const keyOf = (table: string, path: string) => `lake/${table}/${path}`

/** Files of plain rows in place of Parquet. */
export class PlainFiles {
  readonly #store: DeltaStore
  readonly #rows: RowsByKey
  readonly #name: () => string

  constructor(store: DeltaStore, rows: RowsByKey, name: () => string) {
    this.#store = store
    this.#rows = rows
    this.#name = name
  }

  async write(table: string, rows: readonly PlainRow[]): Promise<PlannedFile> {
    const path = `${this.#name()}.rows`
    this.#rows.set(keyOf(table, path), rows)
    await this.#store.put(keyOf(table, path), MARKER)
    return { path, size: rows.length, rows: rows.length, stats: JSON.stringify({ numRecords: rows.length }) }
  }

  /** All rows of these files. Throws `FileGone`. */
  async read(table: string, files: readonly { path: string }[]): Promise<PlainRow[]> {
    const rows: PlainRow[] = []
    // Files never change: looking at the last of them is one look at all, unless one was deleted.
    for (const [at, { path }] of files.entries()) {
      const key = keyOf(table, path)
      if (at === files.length - 1 && !(await this.#store.get(key))) throw new FileGone(key)
      rows.push(...(this.#rows.get(key) ?? []))
    }
    return rows
  }
}

/** A file was deleted under its reader, which was too slow. */
export class FileGone extends Error {
  constructor(key: string) {
    super(`${key} was deleted`)
    this.name = 'FileGone'
  }
}

/** A hash that collides now and then, so that only the ids themselves can decide. */
export function hashOf(event_id: string): bigint {
  let h = 7
  for (const character of event_id) h = (Math.imul(h, 31) + (character.codePointAt(0) ?? 0)) | 0
  return BigInt(h % 11)
}

export function plainLedgerRows(files: PlainFiles): LedgerRows {
  return {
    async *idHashes(added) {
      // In pieces, so that it can fail half-way.
      for (const file of added) {
        const rows = await files.read(LEDGER_TABLE, [file])
        yield BigInt64Array.from(rows, (row) => hashOf(row.event_id))
      }
    },
    async receipts(all: readonly AddFile[], ids: readonly IdWithHash[]) {
      const wanted = new Set(ids.map(({ event_id }) => event_id))
      const rows = await files.read(LEDGER_TABLE, all)
      return rows
        .filter((row) => wanted.has(row.event_id))
        .map((row) => ({ ...row, content_hash: BigInt(row.content) }))
    },
  }
}

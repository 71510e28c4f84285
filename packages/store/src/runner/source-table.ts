import { type ChangedRow, LakeError, type LakeTable } from '@sluice/lake'
import { identityOf } from '../routed-tables.ts'
import type { Row, RowChange, StoredTable } from '../store.ts'

/** Where a table stands now. */
export interface SourceHead {
  table_id: string
  version: number
  timestamp_ms: number
}

/** What a runner reads of a lake table. */
export interface SourceTable {
  readonly stored: StoredTable
  /** Newest version, freshly read. */
  head(): Promise<SourceHead>
  /**
   * Net changes of the versions after `from`, up to and including `to`; all rows of `to` where `from` is -1. In chunks
   * whose order and borders are the same whenever it is asked. Throws `VersionGone`.
   */
  changes(from: number, to: number): AsyncIterable<RowChange[]>
  /** Keeps what is after `version` from being cleaned up for a while. */
  pin(version: number): Promise<void>
}

/** The versions asked for were cleaned up, or the table is another by now: reload. */
export class VersionGone extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'VersionGone'
  }
}

export interface LakeSourceOptions {
  /** Who pins, e.g. `sink-postgres`. */
  owner: string
  chunk_rows: number
  chunk_bytes: number
  pin_for_ms: number
  now: () => number
}

/** A lake table as a runner's source. */
export function lakeSource(table: LakeTable, stored: StoredTable, options: LakeSourceOptions): SourceTable {
  const columns = stored.columns.map(({ name }) => name)
  return {
    stored,
    async head() {
      const { table_id, version, timestamp_ms } = await table.refresh()
      return { table_id, version, timestamp_ms }
    },
    async *changes(from, to) {
      try {
        const read = { columns, chunk_rows: options.chunk_rows }
        const rows = from < 0 ? table.rowsAt(await table.at({ version: to }), read) : table.changes(from, to, read)
        for await (const chunk of rows) yield* bounded(chunk, stored, options.chunk_bytes)
      } catch (cause) {
        if (cause instanceof LakeError && (cause.code === 'version_gone' || cause.code === 'version_not_found'))
          throw new VersionGone(cause.message, { cause })
        throw cause
      }
    },
    pin: (version) => table.pin({ owner: options.owner, version, expires_ms: options.now() + options.pin_for_ms }),
  }
}

/** Cuts a chunk where its text would grow beyond a bound, so that a few huge rows travel alone. */
function* bounded(rows: readonly ChangedRow[], stored: StoredTable, chunk_bytes: number): Generator<RowChange[]> {
  let chunk: RowChange[] = []
  let bytes = 0
  for (const { _change, _version, ...plain } of rows) {
    const { row, size } = rowOf(plain)
    if (chunk.length > 0 && bytes + size > chunk_bytes) {
      yield chunk
      chunk = []
      bytes = 0
    }
    chunk.push({ op: _change, identity: identityOf(stored, row), version: _version, row })
    bytes += size
  }
  if (chunk.length > 0) yield chunk
}

function rowOf(plain: Readonly<Record<string, unknown>>): { row: Row; size: number } {
  const row: Record<string, Row[string]> = {}
  let size = 0
  for (const [name, value] of Object.entries(plain)) {
    if (typeof value === 'string') size += value.length
    else size += 8
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      row[name] = value
    else if (Array.isArray(value)) {
      const items = value.map(String)
      for (const item of items) size += item.length
      row[name] = items
    } else
      throw new TypeError(
        `column ${name}: expected a string, number, boolean, list of strings or null, got ${typeof value}`,
      )
  }
  return { row, size }
}

import { type EventType, type Field, loadEventTypes, tableColumns } from '@sluice/events'
import {
  type ApplyOutcome,
  identityOf,
  type Row,
  type RowChange,
  routedTables,
  type Store,
  type StoredTable,
} from '@sluice/store'

export const allTables: readonly StoredTable[] = routedTables(await loadEventTypes({}), 'postgres')

export function tableNamed(name: string): StoredTable {
  const found = allTables.find(({ table }) => table === name)
  if (!found) throw new Error(`no event type has the table ${name}`)
  return found
}

export const LINEAGE: Row = {
  received_at: '2025-10-01T00:00:00.000000Z',
  raw_batch: 'b',
  raw_line: 0,
  _extra: null,
}

let serial = 0

/** A row with the given values, null in all other columns; with an event_id of its own unless one is given. */
export function change(stored: StoredTable, values: Row, version = 1, op: RowChange['op'] = 'upsert'): RowChange {
  const nothing = Object.fromEntries(stored.columns.map(({ name }) => [name, null]))
  const row = { ...nothing, ...LINEAGE, event_id: `e-${serial++}`, ...values }
  return { op, identity: identityOf(stored, row), version, row }
}

/** Applies the changes as the next version of their table, whatever its progress is. */
export async function load(store: Store, table: string, changes: readonly RowChange[]): Promise<ApplyOutcome> {
  const expected = (await store.progress())[table]
  return store.apply({ table, expected, next: { table_id: 't1', version: (expected?.version ?? 0) + 1 }, changes })
}

export const ask = async (store: Store, question: string, parameters: Record<string, string> = {}, limit = 100) =>
  (await store.ask(question, parameters, limit)).rows

/** A table of a made-up type with these fields. */
export function madeUp(table: string, fields: Record<string, Field>, options: Partial<EventType> = {}): StoredTable {
  const type: EventType = {
    type: table,
    table,
    description: '',
    fields,
    partition_by: [],
    stores: { postgres: {} },
    example: {},
    ...options,
  }
  return { type, table, columns: tableColumns(type).map(({ name, type: columnType }) => ({ name, type: columnType })) }
}

import type { EventTypes } from '@sluice/events'
import type { StoredTable, StoreName } from './store.ts'

/** The tables that a store gets by the event types. What is exploded from a table goes to PostgreSQL alone, beside it. */
export function routedTables(types: EventTypes, store: StoreName): StoredTable[] {
  return types.tables
    .filter(({ type, exploded }) => type.stores[store] !== undefined && (!exploded || store === 'postgres'))
    .map(({ type, table, columns }) => ({
      type,
      table,
      columns: columns.map((column) => ({ name: column.name, type: column.type })),
    }))
}

/** The identity of a row (see `RowChange`): the key's value of a keyed table, `key/position` of an exploded one, else the event_id. */
export function identityOf(
  { type, table }: Pick<StoredTable, 'type' | 'table'>,
  row: Readonly<Record<string, unknown>>,
): string {
  if (type.key === undefined) return String(row['event_id'])
  const key = String(row[type.key])
  return type.explode?.table === table ? `${key}/${String(row['position'])}` : key
}

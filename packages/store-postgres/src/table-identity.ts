import type { StoredTable } from '@sluice/store'

/** Whether the table holds the items of a list: its identity is `key/position`. */
export const isExploded = ({ type, table }: StoredTable): boolean => type.explode?.table === table

/** The columns whose values, joined by a slash, are a row's identity. */
export function identityColumns(stored: StoredTable): readonly [string, ...string[]] {
  const key = stored.type.key ?? 'event_id'
  return isExploded(stored) ? [key, 'position'] : [key]
}

/** The columns whose values, joined by a bar, tell one state of a row from another. */
export function fingerprintColumns(stored: StoredTable): readonly [string, ...string[]] {
  const hasEventId = stored.columns.some(({ name }) => name === 'event_id')
  return isExploded(stored) && !hasEventId ? ['name', 'sha256'] : ['event_id']
}

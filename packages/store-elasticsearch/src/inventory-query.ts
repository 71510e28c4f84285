import type { InventoryQuery } from '@sluice/store'

/** One document a row: its identity and its event_id. */
export const inventoryQuery: InventoryQuery = ({ type, table }) => {
  const identity =
    type.explode && type.explode.table === table && type.key
      ? `CAST(${quoted(type.key)} AS VARCHAR) || '/' || CAST("position" AS VARCHAR)`
      : type.key
        ? `CAST(${quoted(type.key)} AS VARCHAR)`
        : 'event_id'
  return `SELECT ${identity} AS identity, event_id AS fingerprint FROM source`
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

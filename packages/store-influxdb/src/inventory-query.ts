import type { InventoryQuery } from '@sluice/store/store'

/** One point a row: its identity and its event_id. */
export const inventoryQuery: InventoryQuery = ({ type }) => {
  const identity = type.key === undefined ? 'event_id' : `CAST("${type.key.replaceAll('"', '""')}" AS VARCHAR)`
  return `SELECT ${identity} AS identity, event_id AS fingerprint FROM source`
}

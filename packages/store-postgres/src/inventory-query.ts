import type { InventoryQuery } from '@sluice/store'
import { quoted } from './quoted.ts'
import { fingerprintColumns, identityColumns } from './table-identity.ts'

/** One row a row: its identity, and its event_id; of an exploded table, which has none, its name and SHA-256. */
export const inventoryQuery: InventoryQuery = (stored) => {
  const identity = identityColumns(stored).map((name) => `CAST(${quoted(name)} AS VARCHAR)`)
  const fingerprint = fingerprintColumns(stored).map((name) => `coalesce(${quoted(name)}, '')`)
  return `SELECT ${identity.join(" || '/' || ")} AS identity, ${fingerprint.join(" || '|' || ")} AS fingerprint FROM source`
}

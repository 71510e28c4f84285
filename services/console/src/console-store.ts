import type { Store, StoredTable, StoreName } from '@sluice/store'

/** A store as the console knows it, and the controls of its sink, wherever that runs. */
export interface ConsoleStore {
  name: StoreName
  store: Store
  tables: readonly StoredTable[]
  /** Rows of a table for its inventory: SELECT identity, fingerprint FROM the relation `source`. */
  inventoryQuery(table: StoredTable): string
  runner: SinkControl
}

export interface SinkControl {
  status(): Promise<{ state: string; error?: string }>
  pause(): Promise<void>
  resume(): Promise<void>
  rebuild(): Promise<void>
}

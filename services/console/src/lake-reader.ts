import type { RawZone } from '@sluice/raw-zone'
import type { Progress, Store, StoredTable, StoreName } from '@sluice/store'
import type { AsOf } from './sql/time-travel.ts'

/** A table at a version, ready to be read by an engine on this machine. */
export interface TableReading {
  name: string
  table_id: string
  version: number
  timestamp_ms: number
  columns: readonly { name: string; type: string }[]
  /** Local paths of the files that the relation reads, and nothing else. */
  paths: readonly string[]
  /** What follows FROM. */
  relation: string
  files: readonly { path: string; size: number; rows: number | null }[]
  /** The Delta `txn` of an application, -1 if it has none. */
  txn(appId: string): number
}

export interface VersionEntry {
  version: number
  timestamp: string
  operation: string
  rows_added: number | null
  rows_updated: number | null
  rows_deleted: number | null
}

/** What the console reads of the lake: every table of the event types, `quarantine`, and the ledger. */
export interface LakeReader {
  tables(): readonly string[]
  /** Of a table that is computed from another one: whether it has not seen all of it; `undefined` for every other table. */
  derivedIsBehind(name: string): Promise<boolean | undefined>
  /** `undefined` if there is no such table; throws `VersionGone` if there is no such version (any more). */
  open(name: string, asOf?: AsOf): Promise<TableReading | undefined>
  /** Newest first. */
  history(name: string, limit: number): Promise<VersionEntry[]>
  /** The version whose commit added a file; `undefined` if that is not known any more. */
  versionOfFile(name: string, path: string): Promise<number | undefined>
  /** The ledger: its newest version, and by target the ledger version of the newest plan entry. */
  ledger(): Promise<{ version: number; heads: Readonly<Record<string, number>>; nextOffset(partition: number): bigint }>
}

export class VersionGone extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'VersionGone'
  }
}

/** A store as the console knows it, and the runner that keeps it, where that is in the same process. */
export interface ConsoleStore {
  name: StoreName
  store: Store
  tables: readonly StoredTable[]
  /** Rows of a table for its inventory: SELECT identity, fingerprint FROM the relation `source`. */
  inventoryQuery(table: StoredTable): string
  runner?: SinkControl
}

export interface SinkControl {
  status(): Promise<{ state: string; error?: string }>
  pause(): Promise<void>
  resume(): Promise<void>
  rebuild(): Promise<void>
}

/** What is acknowledged and not yet on the log, and where the log ends. */
export interface FlowReader {
  /** Raw batches that are durable and not yet published. */
  unpublished(): Promise<number>
  logEnds(): Promise<{ partition: number; end: bigint }[]>
}

export interface ReadParts {
  lake: LakeReader
  rawZone: RawZone
  flow: FlowReader
  stores: readonly ConsoleStore[]
}

export type StoreProgress = Record<string, Progress>

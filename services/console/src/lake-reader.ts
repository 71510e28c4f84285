import type { DataType } from '@sluice/delta'
import { explosionIsBehind, type Lake, LakeError, type LakeTable, Ledger, rowsIn, type TableView } from '@sluice/lake'
import { smallFiles } from './small-files.ts'
import { type AsOf, asOfInstant } from './sql/time-travel.ts'

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
  /** How many of them compaction still merges. */
  small_files: number
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

/** The lake as the console reads it. Holds a ledger of its own: reading must not take decisions from a transformer's hands. */
export async function lakeReader(lake: Lake, options: { log_epoch: string; now: () => number }): Promise<LakeReader> {
  const ledger = await Ledger.open(lake.ledger.delta, options)
  const names = [...lake.tables.keys(), lake.quarantine.name].sort()
  return {
    tables: () => names,
    async derivedIsBehind(name) {
      const source = sourceOf(lake, name)
      const target = lake.tables.get(name)
      if (!source || !target) return undefined
      await Promise.all([source.refresh(), target.refresh()])
      return explosionIsBehind({ source, target })
    },
    async open(name, asOf) {
      const table = lake.table(name)
      return table && readingOf(table, asOf ? await versionOf(table, asOf) : await table.refresh())
    },
    async history(name, limit) {
      const history = (await lake.table(name)?.history(limit)) ?? []
      return history.map(({ version, timestamp_ms, operation, operationMetrics }) => ({
        version,
        timestamp: new Date(timestamp_ms).toISOString(),
        operation: operation ?? 'UNKNOWN',
        rows_added: numberOf(operationMetrics?.['numTargetRowsInserted']),
        rows_updated: numberOf(operationMetrics?.['numTargetRowsUpdated']),
        rows_deleted: numberOf(operationMetrics?.['numTargetRowsDeleted']),
      }))
    },
    versionOfFile: async (name, path) => lake.table(name)?.versionOfFile(path),
    async ledger() {
      await ledger.refresh()
      const heads = Object.fromEntries(
        ledger.targets().flatMap((target) => {
          const head = ledger.head(target)
          return head === undefined ? [] : [[target, head]]
        }),
      )
      return { version: ledger.version, heads, nextOffset: (partition) => ledger.nextOffset(partition) }
    },
  }
}

function sourceOf({ types, tables }: Lake, name: string): LakeTable | undefined {
  const type = [...types.byTable.values()].find(({ explode }) => explode?.table === name)
  return type && tables.get(type.table)
}

async function versionOf(table: LakeTable, asOf: AsOf): Promise<TableView> {
  try {
    await table.refresh()
    if ('version' in asOf) return await table.at({ version: asOf.version })
    const timestamp_ms = asOfInstant(asOf.timestamp)
    if (timestamp_ms === undefined) throw new VersionGone(`there is no instant ${JSON.stringify(asOf.timestamp)}`)
    return await table.at({ timestamp_ms })
  } catch (cause) {
    if (cause instanceof LakeError && (cause.code === 'version_gone' || cause.code === 'version_not_found'))
      throw new VersionGone(cause.message)
    throw cause
  }
}

async function readingOf({ use }: LakeTable, view: TableView): Promise<TableReading> {
  const files = view.files()
  const listed = files.map((file) => ({ path: file.path, size: file.size, rows: rowsIn(file) ?? null }))
  return {
    name: view.name,
    table_id: view.table_id,
    version: view.version,
    timestamp_ms: view.timestamp_ms,
    columns: view.columns.map(({ name, type }) => ({ name, type: typeText(type) })),
    paths: await view.paths(files),
    relation: await view.relation(files),
    files: listed,
    small_files: smallFiles(listed, use),
    txn: (appId) => view.txn(appId),
  }
}

function typeText(type: DataType): string {
  if (typeof type === 'string') return type
  if (type.type === 'array') return `array<${typeText(type.elementType)}>`
  if (type.type === 'map') return `map<${typeText(type.keyType)},${typeText(type.valueType)}>`
  return `struct<${type.fields.map((field) => `${field.name}:${typeText(field.type)}`).join(',')}>`
}

const numberOf = (metric: unknown): number | null => (metric === undefined || metric === null ? null : Number(metric))

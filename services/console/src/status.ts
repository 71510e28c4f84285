import { LEDGER_TXN } from '@sluice/lake'
import { type Progress, REBUILDING } from '@sluice/store'
import type { ReadParts } from './console-parts.ts'
import type { ConsoleStore } from './console-store.ts'
import { type JsonInteger, jsonInteger } from './sql/result-value.ts'
import { unlessSilent } from './unless-silent.ts'

export interface SinkTableStatus {
  table: string
  version: number | null
  head: number
  behind_versions: number
  lag_seconds: number
}

export interface SinkStatus {
  name: string
  state: string
  error: string | null
  caught_up: boolean
  tables: SinkTableStatus[]
}

export interface LakeStatus {
  /** All that was acknowledged before the call is in tables and stores, readable there. */
  caught_up: boolean
  ingest: { unpublished_batches: number }
  log: { partition: number; end: JsonInteger; next: JsonInteger; lag: JsonInteger }[]
  /** Why the log cannot be asked; then nothing is caught up. */
  log_error: string | null
  ledger: { version: number }
  tables: { table: string; version: number; ledger_version: number; ledger_head: number; behind: boolean }[]
  sinks: SinkStatus[]
}

/**
 * Reads the flow from its source to its end, in that order: what was acknowledged before the call can only have moved
 * on while it was read.
 */
export async function statusOf(parts: ReadParts, now: number): Promise<LakeStatus> {
  const unpublished = await parts.flow.unpublished()
  const { ends, error: log_error } = await logEnds(parts)
  const ledger = await parts.lake.ledger()
  const log = ends.map(({ partition, end }) => {
    const next = ledger.nextOffset(partition)
    const lag = end > next ? end - next : 0n
    return { partition, end: jsonInteger(end), next: jsonInteger(next), lag: jsonInteger(lag) }
  })
  const tables: LakeStatus['tables'] = []
  const heads = new Map<string, { version: number; timestamp_ms: number; table_id: string }>()
  for (const name of parts.lake.tables()) {
    const reading = await parts.lake.open(name)
    if (!reading) continue
    heads.set(name, reading)
    const ledger_version = reading.txn(LEDGER_TXN)
    const ledger_head = ledger.heads[name] ?? -1
    tables.push({
      table: name,
      version: reading.version,
      ledger_version,
      ledger_head,
      behind: (await parts.lake.derivedIsBehind(name)) ?? ledger_version < ledger_head,
    })
  }
  const sinks = await Promise.all(parts.stores.map((store) => sinkStatus(store, heads, now)))
  const status = {
    ingest: { unpublished_batches: unpublished },
    log,
    log_error,
    ledger: { version: ledger.version },
    tables,
    sinks,
  }
  return { caught_up: isSettled(status) && sinks.every((sink) => sink.caught_up), ...status }
}

/** Whether all that was acknowledged is where it gets to by itself: everywhere but in stores that are paused. */
export function isSettled({ ingest, log, log_error, tables, sinks }: Omit<LakeStatus, 'caught_up'>): boolean {
  return (
    ingest.unpublished_batches === 0 &&
    log_error === null &&
    log.every(({ lag }) => lag === 0) &&
    tables.every(({ behind }) => !behind) &&
    sinks.every(({ caught_up, state }) => caught_up || state === 'paused')
  )
}

/** A log that is away leaves everything else to be told. */
async function logEnds({ flow }: ReadParts) {
  try {
    return { ends: await flow.logEnds(), error: null }
  } catch (error) {
    return { ends: [], error: messageOf(error) }
  }
}

/** How far a store is behind the tables that are routed to it; a store that can't be asked is not caught up. */
export async function sinkStatus(
  sink: ConsoleStore,
  heads: ReadonlyMap<string, { version: number; timestamp_ms: number; table_id: string }>,
  now: number,
): Promise<SinkStatus> {
  const control = await sink.runner.status()
  try {
    const progress = await progressOf(sink)
    const tables = sink.tables.map(({ table }) => {
      const head = heads.get(table)
      const at = progress[table]
      const version = at && head && at.table_id === head.table_id ? at.version : null
      const behind_versions = (head?.version ?? 0) - (version ?? -1)
      const lag_seconds = head && behind_versions > 0 ? Math.max(0, (now - head.timestamp_ms) / 1000) : 0
      return { table, version, head: head?.version ?? 0, behind_versions, lag_seconds }
    })
    return {
      name: sink.name,
      state: control.state,
      error: control.error ?? null,
      caught_up: control.state !== REBUILDING && tables.every(({ behind_versions }) => behind_versions <= 0),
      tables,
    }
  } catch (error) {
    return {
      name: sink.name,
      state: 'failing',
      error: messageOf(error),
      caught_up: false,
      tables: [],
    }
  }
}

/** How far a store is, unless it is away or silent. */
export function progressOf({ store }: Pick<ConsoleStore, 'store'>): Promise<Record<string, Progress>> {
  return unlessSilent(store.progress())
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

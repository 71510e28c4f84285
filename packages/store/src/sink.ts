import type { Notices } from '@sluice/event-log'
import type { Lake } from '@sluice/lake'
import type { ObjectStore } from '@sluice/object-store'
import { routedTables } from './routed-tables.ts'
import type { RunnerEvents } from './runner/runner-events.ts'
import { lakeSource } from './runner/source-table.ts'
import { StoreRunner } from './runner/store-runner.ts'
import { readSinkWish } from './sink-wish.ts'
import type { Store, StoredTable } from './store.ts'
import { StoreNotices } from './store-notices.ts'

export interface SinkParts {
  store: Store
  lake: Lake
  notices: Notices
  events: RunnerEvents
  limits?: Partial<SinkLimits>
  /** Where it stands what is wanted of the sink. */
  objects: ObjectStore
  now: () => number
}

export interface SinkLimits {
  /** Rows of one batch. */
  chunk_rows: number
  /** Text of one batch. */
  chunk_bytes: number
  /** How often a table is looked at when no notice comes. */
  poll_ms: number
  /** A table that goes on changing is written at most this often: several versions at once cost little more than one. */
  every_ms: number
  /**
   * A store that is away no longer than this finds all changes it missed, unless they are more versions than a pin keeps;
   * one that comes later is loaded anew.
   */
  pin_for_ms: number
}

export const SINK_LIMITS: SinkLimits = {
  chunk_rows: 5_000,
  chunk_bytes: 8 * 1024 * 1024,
  poll_ms: 2_000,
  every_ms: 0,
  pin_for_ms: 7 * 86_400_000,
}

/** How often to write a table that goes on changing, where events are to be visible in it after `freshness_ms`. */
export const sinkEvery = (freshness_ms: number) => 2 * freshness_ms

export interface Sink {
  readonly runner: StoreRunner
  readonly tables: readonly StoredTable[]
  stop(): Promise<void>
}

/**
 * Keeps a store equal to the tables that the event types route to it; wakes up by the transformer's notices. One that is
 * to be paused begins so, before it has written anything.
 */
export async function startSink(parts: SinkParts): Promise<Sink> {
  const { store, lake, notices, events, now } = parts
  const limits = { ...SINK_LIMITS, ...parts.limits }
  const tables = routedTables(lake.types, store.name)
  const sources = tables.map((stored) => {
    const table = lake.tables.get(stored.table)
    if (!table) throw new Error(`the lake has no table ${stored.table}: it was opened with other event types`)
    return lakeSource(table, stored, { ...limits, owner: `sink-${store.name}`, now })
  })
  const told = new StoreNotices((table, version) => {
    void notices.publish({ kind: 'store', store: store.name, table, version }).catch((error: unknown) => {
      events.failed?.(table, error, 0)
    })
  })
  const runner = new StoreRunner({
    store,
    sources,
    now,
    poll_ms: limits.poll_ms,
    every_ms: limits.every_ms,
    events: {
      ...events,
      advanced(table, version, rows) {
        events.advanced?.(table, version, rows)
        told.stands(table, version)
      },
      stands(table, version) {
        events.stands?.(table, version)
        told.stands(table, version)
      },
      reloading(table, reason) {
        events.reloading?.(table, reason)
        told.forgets(table)
      },
    },
  })
  const { paused } = await readSinkWish(parts.objects, store.name)
  if (paused) await runner.pause()
  const unsubscribe = notices.subscribe((notice) => {
    if (notice.kind !== 'tables') return
    for (const [table, version] of Object.entries(notice.versions)) {
      if (tables.some((stored) => stored.table === table)) told.noticed(table, version)
      runner.wake(table)
      const exploded = lake.types.byTable.get(table)?.explode?.table
      if (exploded !== undefined) runner.wake(exploded)
    }
  })
  runner.start()
  return {
    runner,
    tables,
    async stop() {
      unsubscribe()
      await runner.stop()
    },
  }
}

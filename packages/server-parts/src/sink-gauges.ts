import type { Metrics } from '@sluice/service'
import type { StoreName, StoreRunner } from '@sluice/store'

/** How far each store is behind the tables, read from its runner at each scrape. */
export function sinkGauges(
  metrics: Metrics,
  runners: ReadonlyMap<StoreName, Pick<StoreRunner, 'state'>>,
  now: () => number,
): void {
  const tables = () =>
    [...runners].flatMap(([store, runner]) => runner.state().tables.map((state) => ({ store, ...state })))
  metrics.gauge(
    'sluice_sink_running',
    '1 while a sink works; 0: it is paused, or its store is away',
    ['store'],
    (gauge) => {
      for (const [store, runner] of runners) gauge.set({ store }, runner.state().state === 'running' ? 1 : 0)
    },
  )
  metrics.gauge(
    'sluice_sink_behind_versions',
    'Table versions that a store does not have yet; all of them while it has none',
    ['store', 'table'],
    (gauge) => {
      for (const { store, table, version = -1, head } of tables())
        if (head !== undefined) gauge.set({ store, table }, Math.max(0, head - version))
    },
  )
  metrics.gauge(
    'sluice_sink_behind_seconds',
    'How long a store has been behind a table',
    ['store', 'table'],
    (gauge) => {
      for (const { store, table, behind_since_ms } of tables())
        gauge.set({ store, table }, behind_since_ms === undefined ? 0 : (now() - behind_since_ms) / 1000)
    },
  )
}

import type { Logger, Metrics } from '@sluice/service'
import type { RunnerEvents, StoreName } from '@sluice/store'

/** What sinks count and log. */
export function sinkEvents(metrics: Metrics, logger: Logger): (store: StoreName) => RunnerEvents {
  const version = metrics.gauge('sluice_sink_version', 'Table version that a store has', ['store', 'table'])
  const refused = metrics.counter('sluice_sink_refused_total', 'Rows that a store refused for good', ['store', 'table'])
  const failures = metrics.counter('sluice_sink_failures_total', 'Calls of a store that failed and were tried again', [
    'store',
  ])
  const rows = metrics.counter('sluice_sink_rows_total', 'Changed rows that a store took', ['store', 'table'])
  const reloads = metrics.counter('sluice_sink_reloads_total', 'Tables loaded from their beginning', ['store', 'table'])
  return (store) => ({
    advanced: (table, at) => version.set({ store, table }, at),
    applied: (table, count) => rows.inc({ store, table }, count),
    refused(table, refusals) {
      refused.inc({ store, table }, refusals.length)
      const [first] = refusals
      logger.warn({ store, table, rows: refusals.length, first }, 'a store refused rows for good; verify lists them')
    },
    failed(table, err, again_in_ms) {
      failures.inc({ store })
      logger.warn({ store, table, err, again_in_ms }, 'a store or its table failed; it is tried again')
    },
    reloading(table, reason) {
      reloads.inc({ store, table })
      logger.info({ store, table, reason }, 'a table is loaded into a store from its beginning')
    },
  })
}

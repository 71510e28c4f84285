import { isPassing, type Logger, type Metrics } from '@sluice/service'
import type { RunnerEvents, StoredTable, StoreName } from '@sluice/store'

/** A store that stays away is told of again after this long. */
const TELL_AGAIN_MS = 60_000

/** What sinks count and log, by store and its tables. */
export function sinkEvents(
  metrics: Metrics,
  logger: Logger,
  now: () => number,
): (store: StoreName, tables: readonly Pick<StoredTable, 'table'>[]) => RunnerEvents {
  const version = metrics.gauge('sluice_sink_version', 'Table version that a store has', ['store', 'table'])
  const refused = metrics.counter('sluice_sink_refused_total', 'Rows that a store refused for good', ['store', 'table'])
  const failures = metrics.counter('sluice_sink_failures_total', 'Calls of a store that failed and were tried again', [
    'store',
  ])
  const rows = metrics.counter('sluice_sink_rows_total', 'Changed rows that a store took', ['store', 'table'])
  const reloads = metrics.counter('sluice_sink_reloads_total', 'Tables loaded from their beginning', ['store', 'table'])
  return (store, tables) => {
    // A counter that begins with its first event shows no increase by it.
    failures.inc({ store }, 0)
    for (const { table } of tables) for (const counter of [refused, rows, reloads]) counter.inc({ store, table }, 0)
    const outage = new Outage(store, logger, now)
    return {
      advanced: (table, at) => version.set({ store, table }, at),
      applied(table, count) {
        rows.inc({ store, table }, count)
        outage.over()
      },
      refused(table, refusals) {
        refused.inc({ store, table }, refusals.length)
        const [first] = refusals
        logger.warn({ store, table, rows: refusals.length, first }, 'a store refused rows for good; verify lists them')
      },
      failed(table, err, again_in_ms) {
        failures.inc({ store })
        if (isPassing(err)) outage.told(err)
        else logger.warn({ store, table, err, again_in_ms }, 'a store or its table failed; it is tried again')
      },
      reloading(table, reason) {
        reloads.inc({ store, table })
        logger.info({ store, table, reason }, 'a table is loaded into a store from its beginning')
      },
    }
  }
}

/** A store that cannot be reached fails many times a minute, for one reason: it is told once, and now and then. */
class Outage {
  readonly #store: StoreName
  readonly #logger: Logger
  readonly #now: () => number
  #since_ms: number | undefined
  #told_ms = Number.NEGATIVE_INFINITY

  constructor(store: StoreName, logger: Logger, now: () => number) {
    this.#store = store
    this.#logger = logger
    this.#now = now
  }

  told(error: Error): void {
    const now = this.#now()
    this.#since_ms ??= now
    if (now - this.#told_ms < TELL_AGAIN_MS) return
    this.#told_ms = now
    const away_s = Math.round((now - this.#since_ms) / 1000)
    this.#logger.warn(
      { store: this.#store, reason: error.message, away_s },
      'a store is away; it is tried until it is back',
    )
  }

  over(): void {
    if (this.#since_ms === undefined) return
    const away_s = Math.round((this.#now() - this.#since_ms) / 1000)
    this.#logger.info({ store: this.#store, away_s }, 'a store is back')
    this.#since_ms = undefined
    this.#told_ms = Number.NEGATIVE_INFINITY
  }
}

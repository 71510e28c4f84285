import {
  CLOSED_TARGET,
  CLOSED_TXN,
  type Lake,
  type LakeTable,
  LEDGER_TXN,
  type Ledger,
  Maintenance,
} from '@sluice/lake'
import { type BackgroundLoop, backgroundLoop, type Logger } from '@sluice/service'

export interface UpkeepOptions {
  lake: Lake
  ledger: Ledger
  log: Logger
  every_ms: number
  /** Deletes decided records from the event log. */
  truncate?: () => Promise<void>
}

/** Checkpoints, compacts and cleans every table in the background, one at a time. */
export class Upkeep {
  readonly #loop: BackgroundLoop
  readonly #options: UpkeepOptions
  readonly #tables: { table: LakeTable; maintenance: Maintenance; seen: number }[]

  constructor(options: UpkeepOptions) {
    this.#options = options
    const { lake, ledger } = options
    this.#tables = lake.all().map((table) => ({
      table,
      maintenance: new Maintenance(
        table,
        table === lake.ledger
          ? { compaction: { range_by: 'id_hash' }, needed_version: () => oldestNeeded(lake, ledger) }
          : { waiting: () => this.#waiting(table) },
      ),
      seen: -1,
    }))
    this.#loop = backgroundLoop((signal) => this.#round(signal), {
      name: 'upkeep',
      log: options.log,
      pause_ms: options.every_ms,
    })
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #round(signal: AbortSignal): Promise<undefined> {
    await this.#options.truncate?.()
    for (const entry of this.#tables) {
      if (signal.aborted) return
      // A table that nobody wrote to since its last pass needs none.
      if (this.#versionOf(entry.table) <= entry.seen) continue
      await entry.maintenance.pass()
      entry.seen = entry.table.version
    }
  }

  /** The ledger is committed to beside its `LakeTable`. */
  #versionOf(table: LakeTable): number {
    return table === this.#options.lake.ledger ? this.#options.ledger.version : table.version
  }

  /** Files of plans that the table has not applied yet; a busy keyed table always has some. */
  async #waiting(table: LakeTable): Promise<ReadonlySet<string> | undefined> {
    const plans = await this.#options.ledger.unapplied(table.name, table.view().txn(LEDGER_TXN))
    return (
      plans &&
      new Set(plans.flatMap(({ entry }) => (entry.kind === 'close' ? [] : entry.files.map(({ path }) => path))))
    )
  }
}

function oldestNeeded(lake: Lake, ledger: Ledger): number {
  return ledger.oldestNeeded((target) =>
    target === CLOSED_TARGET
      ? lake.quarantine.view().txn(CLOSED_TXN)
      : (lake.table(target)?.view().txn(LEDGER_TXN) ?? -1),
  )
}

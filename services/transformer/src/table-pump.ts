import type { Notices } from '@sluice/event-log'
import type { AwaitedOutcome, Ledger, PlanTarget } from '@sluice/lake'
import { applyPlans } from '@sluice/lake'

/** A target of plans and the table's version after applying them; what is computed from a table follows it. */
export interface PumpedTable {
  name: string
  target: PlanTarget
  /** Newest version of the table, known without asking the store. */
  version(): number
  /** Brings what is computed from this table (its explosion) up to it. */
  followers?: () => Promise<{ table: string; version: number }[]>
}

export interface PumpOptions {
  ledger: Pick<Ledger, 'version' | 'head' | 'unapplied'>
  tables: readonly PumpedTable[]
  notices: Notices
  /**
   * A batch waits while some table is more than this many ledger versions behind: until then a table that takes seconds to
   * merge into delays itself only, and takes what has come meanwhile in one merge.
   */
  max_behind: number
  /** Told of each table that could not follow, by its name, and of notices that could not be sent, as `notices`. */
  failed: (part: string, error: unknown) => void
}

/**
 * Lets the tables follow the ledger: applies plans of all targets side by side, one run a target at a time, and
 * publishes a notice when all targets of a ledger version are there.
 */
export class TablePump {
  readonly #options: PumpOptions
  readonly #running = new Map<string, Promise<void>>()
  readonly #applied = new Map<string, number>()
  #waiting: { version: number; outcomes: AwaitedOutcome[]; done: Promise<void> }[] = []
  #settled = -1
  /** Some table could not follow; nothing but a complete catch-up makes up for it. */
  #failed = false

  constructor(options: PumpOptions) {
    this.#options = options
  }

  /** Ledger version up to which all tables have applied every plan. */
  get applied(): number {
    return this.#settled
  }

  /** Whether a plan that the ledger knows of is not applied yet, of this worker or of a dead one. */
  get behind(): boolean {
    return this.#failed || this.#settled < this.#options.ledger.version
  }

  /** Whether there is such a plan that no run under way takes along: another worker's, or one that failed. */
  get stuck(): boolean {
    const followed = Math.max(this.#settled, this.#waiting.at(-1)?.version ?? -1)
    return this.#failed || followed < this.#options.ledger.version
  }

  /** Applies whatever is unapplied of what the ledger knows, of this worker or of a dead one. Throws if a table can't. */
  async catchUp(): Promise<void> {
    const version = this.#options.ledger.version
    await Promise.all(this.#options.tables.map((table) => this.#apply(table)))
    this.#failed = false
    this.#settled = Math.max(this.#settled, version)
  }

  /** Starts applying up to a ledger version; waits only if the tables are too far behind. */
  async follow(version: number, outcomes: AwaitedOutcome[]): Promise<void> {
    const done = this.#applyAll(version, outcomes)
    this.#waiting.push({ version, outcomes, done })
    while (this.#waiting.length > this.#options.max_behind) await this.#waiting[0]?.done
  }

  /** Resolves when everything begun is done. */
  async drain(): Promise<void> {
    while (this.#waiting.length > 0) await this.#waiting[0]?.done
  }

  async #applyAll(version: number, outcomes: AwaitedOutcome[]): Promise<void> {
    try {
      const touched = this.#options.tables.filter(
        (table) => (this.#options.ledger.head(table.name) ?? -1) > (this.#applied.get(table.name) ?? -1),
      )
      const failures = await Promise.all(touched.map((table) => this.#failureOf(table)))
      if (failures.includes(true)) return
      this.#settled = Math.max(this.#settled, version)
      await this.#options.notices.publish({
        kind: 'tables',
        ledger: version,
        versions: this.#versionsFor(touched, outcomes),
        outcomes,
      })
    } catch (error) {
      this.#failed = true
      this.#options.failed('notices', error)
    } finally {
      this.#waiting = this.#waiting.filter((waiting) => waiting.version !== version)
    }
  }

  /**
   * Versions by which the tables have what was decided. An earlier run may have taken it along, and then the table is not
   * touched any more: whoever waits for an event in the stores needs the version all the same.
   */
  #versionsFor(touched: readonly PumpedTable[], outcomes: readonly AwaitedOutcome[]): Record<string, number> {
    const stored_in = new Set(outcomes.map(({ table }) => table))
    const told = this.#options.tables.filter((table) => touched.includes(table) || stored_in.has(table.name))
    return Object.fromEntries(told.map((table) => [table.name, table.version()]))
  }

  /** Whether the table could not follow, which is told. */
  async #failureOf(table: PumpedTable): Promise<boolean> {
    try {
      await this.#apply(table)
      return false
    } catch (error) {
      this.#failed = true
      this.#options.failed(table.name, error)
      return true
    }
  }

  /** One run a target at a time; a call during a run waits for it and runs again if there is more by then. */
  async #apply(table: PumpedTable): Promise<void> {
    const before = this.#running.get(table.name)
    const run = (async () => {
      if (before) await before.catch(() => undefined)
      const head = this.#options.ledger.head(table.name) ?? -1
      if ((this.#applied.get(table.name) ?? -2) >= head) return
      const applied = await applyPlans(this.#options.ledger, table.name, table.target)
      await table.followers?.()
      // Only now: followers that failed are called again with the next attempt.
      this.#applied.set(table.name, applied)
    })()
    this.#running.set(table.name, run)
    await run
  }
}

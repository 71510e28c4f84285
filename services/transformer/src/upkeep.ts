import {
  CLOSED_TARGET,
  CLOSED_TXN,
  type Lake,
  type LakeTable,
  LEDGER_TXN,
  type Ledger,
  Maintenance,
} from '@sluice/lake'
import { type BackgroundLoop, backgroundLoop, faultFields, isPassing, type Logger } from '@sluice/service'

export interface UpkeepOptions {
  lake: Lake
  ledger: Ledger
  log: Logger
  every_ms: number
  /** Deletes decided records from the event log. */
  truncate?: () => Promise<void>
  /** Told of each pass that failed, for it to be counted. */
  failed?: () => void
  /** A table has a new version whose rows are those of before: who follows it need not wait for its next look. */
  rearranged?: (table: string, version: number) => void
}

/** What was removed last from a table at rest is deleted once its retention is over: it is looked at this often. */
const RESTING_PASS_MS = 3_600_000
/** A pass that fails is tried again after `every_ms`, then twice as long each time, up to this: somebody must mend it. */
const LONGEST_PAUSE_MS = 600_000
/** The same for what passes by itself. */
const LONGEST_PASSING_PAUSE_MS = 30_000

/** A write that was begun longer ago than this was cut off. */
const LONGEST_WRITE_MS = 86_400_000
/** Where services write. */
const FOLDERS = ['files/', 'lake/', 'media/', 'raw/']

/** One part of a round. It may fail for as long as it likes: the others have their turns all the same. */
interface Task {
  name: string
  isDue(): boolean
  run(): Promise<void>
  failures: number
  /** Not tried before then. */
  not_before_ms: number
}

/** Checkpoints, compacts and cleans every table in the background, one at a time, and what writes left behind. */
export class Upkeep {
  readonly #loop: BackgroundLoop
  readonly #options: UpkeepOptions
  readonly #tasks: Task[]

  constructor(options: UpkeepOptions) {
    this.#options = options
    const { lake, truncate } = options
    this.#tasks = [
      ...(truncate ? [{ name: 'event log', isDue: () => true, run: truncate, failures: 0, not_before_ms: 0 }] : []),
      ...lake.all().map((table) => this.#taskOf(table)),
      leftoversTask(lake),
    ]
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
    const { now } = this.#options.lake.parts
    for (const task of this.#tasks) {
      if (signal.aborted) return
      if (now() < task.not_before_ms || !task.isDue()) continue
      try {
        await task.run()
        task.failures = 0
      } catch (error) {
        this.#tell(task, error, signal)
      }
    }
  }

  #tell(task: Task, error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return
    const { lake, log, every_ms, failed } = this.#options
    const longest_ms = isPassing(error) ? LONGEST_PASSING_PAUSE_MS : LONGEST_PAUSE_MS
    const again_in_ms = Math.min(longest_ms, every_ms * 2 ** task.failures++)
    task.not_before_ms = lake.parts.now() + again_in_ms
    failed?.()
    const fields = { part: task.name, ...faultFields(error), again_in_ms }
    // What passes by itself needs nobody.
    if (isPassing(error)) log.warn(fields, 'upkeep of this part failed for now and is tried again')
    else log.error(fields, 'upkeep of this part failed and is tried again')
  }

  #taskOf(table: LakeTable): Task {
    const { lake, ledger, rearranged } = this.#options
    const maintenance = new Maintenance(
      table,
      table === lake.ledger
        ? { compaction: { range_by: 'id_hash' }, needed_version: () => oldestNeeded(lake, ledger) }
        : { waiting: () => this.#waiting(table) },
    )
    let seen = -1
    let rested_ms = Number.NEGATIVE_INFINITY
    return {
      name: table.name,
      // A table that nobody wrote to since its last pass has nothing to merge.
      isDue: () => this.#versionOf(table) > seen || lake.parts.now() - rested_ms >= RESTING_PASS_MS,
      async run() {
        const before = table.version
        await maintenance.pass()
        if (table.version > before) rearranged?.(table.name, table.version)
        seen = table.version
        rested_ms = lake.parts.now()
      },
      failures: 0,
      not_before_ms: 0,
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

/** What killed processes left beside the objects. */
function leftoversTask({ parts: { store, now } }: Lake): Task {
  let done_ms = Number.NEGATIVE_INFINITY
  return {
    name: 'object store',
    isDue: () => store.dropUnfinished !== undefined && now() - done_ms >= RESTING_PASS_MS,
    async run() {
      await store.dropUnfinished?.(now() - LONGEST_WRITE_MS, FOLDERS)
      done_ms = now()
    },
    failures: 0,
    not_before_ms: 0,
  }
}

function oldestNeeded(lake: Lake, ledger: Ledger): number {
  return ledger.oldestNeeded((target) =>
    target === CLOSED_TARGET
      ? lake.quarantine.view().txn(CLOSED_TXN)
      : (lake.table(target)?.view().txn(LEDGER_TXN) ?? -1),
  )
}

import { DeltaError, DeltaTable, type DeltaTableOptions } from '@sluice/delta'
import type { LogConsumer } from '@sluice/event-log'
import {
  applyPlans,
  CLOSED_TARGET,
  IdFilter,
  KnownIds,
  LEDGER_TABLE,
  Ledger,
  type LedgerRows,
  type LoadedBatch,
  type PlanTarget,
  QUARANTINE_TABLE,
} from '@sluice/lake/ledger/index'
import type { BatchLimits } from '@sluice/transformer/batch-size'
import type { PaceLimits } from '@sluice/transformer/pace'
import { type PumpedTable, TablePump } from '@sluice/transformer/table-pump'
import { Transformer } from '@sluice/transformer/transformer'
import type { Checker } from './checker.ts'
import { FOLLOWER_TABLE, followSource } from './follower.ts'
import { jsonCodec } from './json-codec.ts'
import { KEYED_TABLE, PLAIN_TABLE, plainBatch } from './plain-batch.ts'
import { FileGone, PlainFiles, plainLedgerRows, type RowsByKey } from './plain-rows.ts'
import { CLOSED_TXN, PlainTable } from './plain-table.ts'
import type { Actor } from './scheduler.ts'
import { SimConsumer } from './sim-log.ts'
import { StoreDown, turnOf, type World } from './world.ts'

/** Parts put in the place of the real ones, each wrong in one way, to see that the checker finds out. */
export interface Variant {
  known?: (rows: LedgerRows) => KnownIds
  batch?: (batch: LoadedBatch, ledger: Ledger) => LoadedBatch
  delta?: (options: DeltaTableOptions) => DeltaTable
  target?: (target: PlanTarget, name: string) => PlanTarget
  table?: typeof PlainTable
  closing?: (closing: PlanTarget) => PlanTarget
  consumer?: (consumer: LogConsumer) => LogConsumer
}

export interface WorkerSettings {
  limits: PaceLimits & BatchLimits
  max_behind: number
}

const CLOCKS_OFF_MS = [0, 0, 0, 3_600_000, -3_600_000]

/** Turns without records after which a worker takes it that there is nothing left, if it had time to look around. */
const IDLE_TURNS = 3

/** What a worker that was away or cut off may be told. */
const RETRYABLE: ReadonlySet<string> = new Set(['unknown_outcome', 'snapshot_expired'])

/** Small, so that runs are quick and the filter grows within one. */
export const IDS_AT_FIRST = 32

/** One life of a transformer process: real ledger, known ids, transformer and pump on simulated parts. */
export class Worker {
  readonly actor: Actor
  consumer: SimConsumer | undefined
  pump: TablePump | undefined
  ledger: Ledger | undefined
  tables: PlainTable[] = []
  /** It has found nothing to do for a while, with everything there. */
  resting = false
  readonly #world: World
  readonly #checker: Checker
  readonly #settings: WorkerSettings
  readonly #variant: Variant
  readonly #files: PlainFiles
  /** Its clock, which may be an hour off. */
  readonly #now: () => number

  constructor(
    world: World,
    name: string,
    parts: { checker: Checker; rows: RowsByKey; settings: WorkerSettings; variant: Variant },
  ) {
    this.#world = world
    this.actor = world.scheduler.actor(name)
    this.#checker = parts.checker
    this.#settings = parts.settings
    this.#variant = parts.variant
    const off_ms = world.random.pick(CLOCKS_OFF_MS)
    this.#now = () => world.now() + off_ms
    this.#files = new PlainFiles(world.view(this.actor), parts.rows, world.token)
  }

  /** Lives until it is killed or, once `over` says that no more will come, until it rests. */
  async live(over: () => boolean): Promise<void> {
    const turn = await this.#begin()
    const { now } = this.#world
    const patience_ms = 2 * this.#settings.limits.look_every_ms
    let idle = 0
    for (
      let since = now();
      !(over() && idle >= IDLE_TURNS && now() - since > patience_ms && this.#checker.complete);
    ) {
      const records = await this.#attempt(turn)
      idle = records === 0 ? idle + 1 : 0
      if (idle === 0 || !over()) since = now()
    }
    await this.pump?.drain()
    this.resting = true
    this.#world.scheduler.note(this.actor, 'rests')
  }

  /** Lets something happen beside the turns. */
  beside(what: string, work: () => Promise<void>): void {
    this.#world.scheduler.note(this.actor, `${what} beside`)
    void this.#attempt(work)
  }

  /** A checkpoint of the ledger, and nothing before it that is older and that nobody needs. */
  async cleanLedger(retention_ms: number): Promise<void> {
    const { ledger } = this
    if (!ledger) return
    const needed = ledger.oldestNeeded((target) => this.#checker.applied(target))
    const delta = this.#delta(LEDGER_TABLE)
    await delta.writeCheckpoint(ledger.snapshot)
    await delta.cleanLog({ retention_ms, pins: [needed] })
  }

  async #begin(): Promise<() => Promise<number>> {
    for (;;) {
      const turn = await this.#attempt(() => this.#open())
      if (turn) return turn
    }
  }

  async #open(): Promise<() => Promise<number>> {
    const { log } = this.#world
    const now = this.#now
    const ledger = await Ledger.open(this.#delta(LEDGER_TABLE), { log_epoch: 'e1', now })
    const rows = plainLedgerRows(this.#files)
    const known = this.#variant.known?.(rows) ?? new KnownIds(rows, new IdFilter(IDS_AT_FIRST))
    await known.follow(ledger)
    const notices = {
      publish: async (notice: Parameters<Checker['notice']>[0]) => this.#checker.notice(notice),
      subscribe: () => () => undefined,
    }
    const pump = new TablePump({
      ledger,
      tables: this.#targets(ledger),
      notices,
      max_behind: this.#settings.max_behind,
      failed: (table, error) => this.#expect(error, `the pump of ${table || 'the tables'}`),
    })
    const transformer = new Transformer({
      ledger,
      known,
      pump,
      notices,
      loader: {
        load: async (records, covered) => {
          const batch = plainBatch(
            this.#files,
            records.map(({ partition, offset }) => log.record(partition, offset)),
            covered,
          )
          return this.#variant.batch?.(batch, ledger) ?? batch
        },
      },
      types: 'types',
      limits: this.#settings.limits,
      now,
      settled: (outcome) => this.#settled(outcome.kind, outcome.kind === 'committed' ? outcome.version : undefined),
    })
    await pump.catchUp()
    this.#checker.reached(pump.applied)
    this.pump = pump
    this.ledger = ledger
    let consumer = this.#connect(transformer)
    return async () => {
      this.actor.turn++
      if (this.#world.random.chance(this.#world.dangers.reconnect)) {
        await transformer.drop()
        await consumer.close()
        consumer = this.#connect(transformer)
      }
      const records = await transformer.turn(consumer)
      this.#checker.reached(pump.applied)
      return records
    }
  }

  #connect(transformer: Transformer): LogConsumer {
    const consumer = new SimConsumer(this.#world, this.actor, (partitions) => transformer.startFrom(partitions))
    this.consumer = consumer
    return this.#variant.consumer?.(consumer) ?? consumer
  }

  /** A worker that was told that it did not decide has changed nothing; one that did has made one decision. */
  #settled(kind: string, version: number | undefined): void {
    const decisions = this.#checker.decisionsOf(turnOf(this.actor))
    this.#world.scheduler.note(this.actor, `${kind} ${version ?? ''}`)
    if (version === undefined) this.#world.saw(kind)
    const right = version === undefined ? decisions.length === 0 : decisions.join() === String(version)
    if (!right) this.#checker.fail(`${this.actor.name} was told ${kind} ${version ?? ''} and decided [${decisions}]`)
  }

  #delta(table: string): DeltaTable {
    const { token } = this.#world
    const now = this.#now
    const options = { store: this.#world.view(this.actor), root: `lake/${table}`, codec: jsonCodec, now, token }
    return this.#variant.delta?.(options) ?? new DeltaTable(options)
  }

  #targets(ledger: Ledger): PumpedTable[] {
    const Table = this.#variant.table ?? PlainTable
    const tableOf = (name: string, txn?: string) =>
      new Table(name, { delta: this.#delta(name), files: this.#files, now: this.#now }, txn)
    const [plain, keyed, quarantine] = [tableOf(PLAIN_TABLE), tableOf(KEYED_TABLE), tableOf(QUARANTINE_TABLE)]
    const closing = tableOf(QUARANTINE_TABLE, CLOSED_TXN)
    this.tables = [tableOf(LEDGER_TABLE), plain, keyed, quarantine]
    const pumped = (name: string, table: PlainTable, target: PlanTarget = table): PumpedTable => ({
      name,
      target: this.#variant.target?.(target, name) ?? target,
      version: () => table.version,
    })
    return [
      pumped(PLAIN_TABLE, plain),
      {
        ...pumped(KEYED_TABLE, keyed),
        followers: () => followSource(keyed, this.#delta(FOLLOWER_TABLE), this.#now),
      },
      pumped(QUARANTINE_TABLE, quarantine),
      pumped(CLOSED_TARGET, closing, this.#variant.closing?.(closing) ?? closingAfter(ledger, quarantine, closing)),
    ]
  }

  /** @returns `undefined` if a mishap of the simulation came in between; whatever else is thrown is a violation */
  async #attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      this.#expect(error, 'the worker')
      return undefined
    }
  }

  #expect(error: unknown, who: string): void {
    this.#world.scheduler.note(this.actor, `${who} fails: ${error instanceof Error ? error.message : error}`)
    const mishap =
      error instanceof StoreDown ||
      error instanceof FileGone ||
      (error instanceof DeltaError && (RETRYABLE.has(error.code) || error.cause instanceof StoreDown))
    if (!mishap)
      this.#checker.fail(`${this.actor.name}: ${who} failed: ${error instanceof Error ? error.stack : error}`)
  }
}

/** An entry may be younger in the quarantine than its closing is in the ledger: the quarantine's own plans come first. */
function closingAfter(ledger: Ledger, quarantine: PlanTarget, closing: PlanTarget): PlanTarget {
  return {
    applied: (fresh) => closing.applied(fresh),
    append: (files, step) => closing.append(files, step),
    merge: (files, step) => closing.merge(files, step),
    async close(ids, step) {
      await applyPlans(ledger, QUARANTINE_TABLE, quarantine)
      return closing.close(ids, step)
    },
  }
}

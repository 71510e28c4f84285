import { DeltaTable } from '@sluice/delta'
import { LEDGER_TABLE, QUARANTINE_TABLE } from '@sluice/lake/ledger/index'
import { Checker, type Violation } from './checker.ts'
import { CALM, drawDangers } from './dangers.ts'
import { FOLLOWER_TABLE } from './follower.ts'
import { jsonCodec } from './json-codec.ts'
import { KEYED_TABLE, PLAIN_TABLE } from './plain-batch.ts'
import type { RowsByKey } from './plain-rows.ts'
import { Random } from './random.ts'
import { Scheduler } from './scheduler.ts'
import { Traffic } from './sim-event.ts'
import { SimLog } from './sim-log.ts'
import { type Variant, Worker, type WorkerSettings } from './worker.ts'
import { STEP_MS, World } from './world.ts'

export interface SimulationOptions {
  variant?: Variant
  /** Keep what happened at each step. */
  trace?: boolean
}

export interface SimulationResult {
  violation: Violation | undefined
  steps: number
  trace: readonly string[]
  /** The run was given up because somebody wrote what was cleaned up long ago. */
  too_late: boolean
  /** What happened how often, to see that a run is not a walk in the park. */
  seen: ReadonlyMap<string, number>
}

const MAX_WORKERS = 4
const MAX_PARTITIONS = 5
const MAX_STEPS = 40_000
/** Longer than most sleep or are on their way: a run in which somebody comes later than that is given up. */
const RETENTION_MS = 200 * STEP_MS

/** One interleaving: a seed decides everything. */
export async function simulate(
  seed: number,
  { variant = {}, trace = false }: SimulationOptions = {},
): Promise<SimulationResult> {
  const simulation = new Simulation(new Random(seed), variant, trace)
  await simulation.run()
  return simulation.result
}

class Simulation {
  readonly #random: Random
  readonly #scheduler: Scheduler
  readonly #world: World
  readonly #checker: Checker
  readonly #variant: Variant
  readonly #rows: RowsByKey = new Map()
  readonly #workers: Worker[] = []
  readonly #settings: WorkerSettings
  readonly #traffic: Traffic
  readonly #chaos_steps: number
  readonly #send: number
  #left: number
  #over = false

  constructor(random: Random, variant: Variant, trace: boolean) {
    this.#random = random
    this.#variant = variant
    this.#scheduler = new Scheduler(random, trace)
    const log = new SimLog(random.between(1, 4))
    this.#world = new World({ random, scheduler: this.#scheduler, log, dangers: drawDangers(random) })
    this.#checker = new Checker(log, this.#rows, this.#world.saw)
    this.#world.watchers.push(this.#checker)
    this.#traffic = new Traffic(random)
    this.#left = random.between(4, 30)
    this.#chaos_steps = random.between(50, 450)
    this.#send = random.pick([0.05, 0.2, 1])
    this.#settings = {
      limits: {
        freshness_ms: 0,
        max_records: random.between(1, 8),
        max_bytes: 1e9,
        max_wait_ms: 0,
        look_every_ms: random.pick([0, 30]),
      },
      max_behind: random.below(4),
    }
  }

  get result(): SimulationResult {
    return {
      violation: this.#world.too_late ? undefined : this.#checker.violation,
      too_late: this.#world.too_late,
      steps: this.#scheduler.steps,
      trace: this.#scheduler.trace ?? [],
      seen: this.#world.seen,
    }
  }

  async run(): Promise<void> {
    await this.#create()
    for (let at = this.#random.between(1, 3); at > 0; at--) this.#start()
    try {
      await this.#scheduler.run(() => this.#between())
      this.#rest()
      // Whoever still slept wakes up in a world that has gone on without it.
      const picture = this.#checker.picture
      this.#scheduler.wake()
      await this.#scheduler.run(() => this.#between())
      this.#rest()
      if (this.#checker.picture !== picture) this.#checker.fail('a zombie changed what was complete')
    } catch (error) {
      if (error !== ENOUGH) throw error
    }
  }

  #rest(): void {
    this.#checker.atRest()
    for (const { actor, resting } of this.#workers)
      if (!resting && !actor.dead && actor.asleep_until <= this.#scheduler.steps)
        this.#checker.fail(`${actor.name} waits for something that never comes`)
  }

  async #create(): Promise<void> {
    for (const name of [LEDGER_TABLE, PLAIN_TABLE, KEYED_TABLE, FOLLOWER_TABLE, QUARANTINE_TABLE]) {
      const { objects: store, now, token } = this.#world
      const table = new DeltaTable({ store, root: `lake/${name}`, codec: jsonCodec, now, token })
      await table.create({ schema: { type: 'struct', fields: [] }, tableId: name })
    }
  }

  #start(): void {
    const worker = new Worker(this.#world, `w${this.#workers.length + 1}`, {
      checker: this.#checker,
      rows: this.#rows,
      settings: this.#settings,
      variant: this.#variant,
    })
    this.#workers.push(worker)
    void worker.live(() => this.#over)
  }

  get #living(): Worker[] {
    return this.#workers.filter(({ actor }) => !actor.dead)
  }

  /** Before each step: traffic goes on, and mishaps happen. */
  #between(): 'more' | 'done' {
    if (this.#checker.violation || this.#world.too_late) throw ENOUGH
    if (this.#scheduler.steps > MAX_STEPS) {
      this.#checker.fail(`no rest after ${MAX_STEPS} steps`)
      throw ENOUGH
    }
    if (this.#over) return 'done'
    if (this.#left > 0 && this.#random.chance(this.#send)) this.#append()
    if (this.#scheduler.steps >= this.#chaos_steps && this.#left === 0) this.#calm()
    else this.#mishap()
    return 'more'
  }

  #append(): void {
    const { log } = this.#world
    const partition = this.#random.below(log.partitions.length)
    log.append(partition, this.#traffic.next(), this.#random.chance(0.1) ? this.#random.between(1, 2) : 0)
    this.#left--
  }

  /** From now on nothing fails any more; those who sleep may sleep on until all is done. */
  #calm(): void {
    this.#over = true
    this.#world.dangers = CALM
    this.#world.restore()
    const asleep = this.#living.filter(({ actor }) => actor.asleep_until > this.#scheduler.steps)
    for (const { actor, consumer } of asleep) {
      if (!this.#random.chance(0.5)) continue
      actor.asleep_until = Number.POSITIVE_INFINITY
      if (consumer) this.#world.log.expel(consumer)
    }
    if (this.#living.every(({ actor }) => actor.asleep_until === Number.POSITIVE_INFINITY)) this.#start()
  }

  #mishap(): void {
    const { dangers, log } = this.#world
    const random = this.#random
    if (random.chance(dangers.reweigh)) for (const { actor } of this.#living) actor.weight = random.pick([1, 1, 5, 30])
    if (random.chance(dangers.join) && this.#living.length < MAX_WORKERS) this.#start()
    if (random.chance(dangers.grow) && log.partitions.length < MAX_PARTITIONS) log.grow()
    if (this.#living.length === 0) this.#start()
    const worker = random.pick(this.#living)
    const { actor, consumer } = worker
    if (random.chance(dangers.kill)) this.#kill(worker)
    else if (random.chance(dangers.sleep)) this.#sleep(worker)
    else if (random.chance(dangers.expel) && consumer) log.expel(consumer)
    else if (random.chance(dangers.assign_beside) && consumer?.canAssign)
      worker.beside('is assigned partitions', () => consumer.assign())
    else if (random.chance(dangers.catch_up_beside) && worker.pump)
      worker.beside('catches up', () => worker.pump!.catchUp())
    else if (random.chance(dangers.refresh_beside) && worker.ledger)
      worker.beside('looks at the ledger', () => worker.ledger!.refresh())
    else if (random.chance(dangers.clean) && worker.ledger)
      worker.beside("cleans the ledger's log", () => worker.cleanLedger(RETENTION_MS))
    else if (random.chance(dangers.compact) && worker.tables.length > 0) {
      const table = random.pick(worker.tables)
      worker.beside(`compacts ${table.name}`, () => table.compact())
    } else if (random.chance(dangers.outage)) {
      this.#scheduler.note(actor, 'is cut off from the store')
      this.#world.cutOff(actor, random.between(5, 80))
    }
  }

  #kill({ actor, consumer }: Worker): void {
    this.#scheduler.kill(actor)
    this.#world.saw('death')
    if (consumer) this.#world.log.expel(consumer)
    if (this.#random.chance(0.7)) this.#start()
  }

  #sleep({ actor, consumer }: Worker): void {
    actor.asleep_until = this.#scheduler.steps + this.#random.between(10, 400)
    this.#world.saw('sleep')
    this.#scheduler.note(actor, `sleeps until ${actor.asleep_until}`)
    if (consumer && this.#random.chance(0.7)) this.#world.log.expel(consumer)
    if (this.#random.chance(0.1)) this.#world.passTime(this.#random.below(3_600_000))
  }
}

/** Ends a run in which a violation was found. */
const ENOUGH = new Error('enough')

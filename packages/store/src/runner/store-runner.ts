import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  type IPolicy,
  retry,
  wrap,
} from 'cockatiel'
import { type Store, StoreError } from '../store.ts'
import type { RunnerEvents, TableState } from './runner-events.ts'
import type { SourceTable } from './source-table.ts'
import { TableFollower } from './table-follower.ts'

export interface RunnerOptions {
  store: Store
  sources: readonly SourceTable[]
  events?: RunnerEvents
  /** How often a table is looked at when nothing wakes the runner. Default 2,000. */
  poll_ms?: number
  /** A table that goes on changing is caught up with at most this often. Default 0: as often as it changes. */
  every_ms?: number
  now: () => number
}

export interface RunnerState {
  state: 'running' | 'paused' | 'waiting' | 'stopped'
  /** Why it waits. */
  error: string | undefined
  tables: TableState[]
}

const POLL_MS = 2_000
const FIRST_RETRY_MS = 100
/** A store that is back is noticed within this time, and being asked so often harms none. */
const LONGEST_RETRY_MS = 3_000
const FAILURES_TO_OPEN = 5
const HALF_OPEN_AFTER_MS = 2_000
/** What is no passing fault is tried again too, slowly: somebody may have repaired it. */
const REPAIR_MS = 15_000

/**
 * Keeps one store equal to the tables that are routed to it: live flow, first load, reload, and the spreading of
 * updates and deletes are one path (see `TableFollower`). Each table advances by itself; a store that fails is tried
 * again with growing pauses behind a circuit breaker that all its tables share. Harms nobody but its own store.
 */
export class StoreRunner {
  readonly #options: RunnerOptions
  readonly #followers: readonly TableFollower[]
  readonly #policy: IPolicy
  readonly #stop = new AbortController()
  readonly #errors = new Map<string, string>()
  #wakes = new Set<() => void>()
  #loops: Promise<void>[] = []
  #state: RunnerState['state'] = 'stopped'
  #pause: { resumed: Promise<void>; resume: () => void } | undefined
  #circuit_open = false

  constructor(options: RunnerOptions) {
    this.#options = options
    const policy = this.#retrying()
    this.#policy = policy
    const guarded = guardedStore(options.store, (work) => policy.execute(work, this.#stop.signal))
    this.#followers = options.sources.map(
      (source) => new TableFollower({ store: guarded, source, events: options.events ?? {}, now: options.now }),
    )
  }

  /** Prepares the store and begins to follow; returns at once, whatever the store's state. */
  start(): void {
    if (this.#state !== 'stopped') return
    this.#state = 'running'
    const { store, sources } = this.#options
    const prepared = this.#again('', () =>
      this.#policy.execute(() => store.prepare(sources.map(({ stored }) => stored)), this.#stop.signal),
    )
    this.#loops = this.#followers.map((follower) => prepared.then(() => this.#follow(follower)))
  }

  /** There may be something new in a table (default: in any). */
  wake(table?: string): void {
    for (const follower of this.#followers) if (table === undefined || follower.table === table) follower.dirty = true
    for (const wake of this.#wakes) wake()
  }

  /** Applies nothing more until `resume`; what is under way is finished. */
  async pause(): Promise<void> {
    if (this.#pause) return
    let resume = () => {}
    const resumed = new Promise<void>((resolve) => {
      resume = resolve
    })
    this.#pause = { resumed, resume }
    await Promise.all(this.#followers.map((follower) => follower.idle()))
  }

  async resume(): Promise<void> {
    this.#pause?.resume()
    this.#pause = undefined
    this.wake()
  }

  /** Forgets a table (default: all) in the store and loads it from a version, then on to the newest. */
  async reload(table?: string, version?: number): Promise<void> {
    const chosen = this.#followers.filter((follower) => table === undefined || follower.table === table)
    if (chosen.length === 0)
      throw new StoreError('failed', `${this.#options.store.name} gets no table ${table}; it gets ${this.#tables()}`)
    await Promise.all(chosen.map((follower) => follower.reload(version)))
    this.wake(table)
  }

  /** Whether the store has still to forget a table that is to be reloaded. */
  get forgets(): boolean {
    return this.#followers.some((follower) => follower.forgets)
  }

  state(): RunnerState {
    const errors = [...this.#errors.values()]
    return {
      state: this.#pause ? 'paused' : this.#circuit_open && this.#state === 'running' ? 'waiting' : this.#state,
      error: errors[0],
      tables: this.#followers.map((follower) => ({ ...follower.state(), error: this.#errors.get(follower.table) })),
    }
  }

  /** Finishes what is under way and stops; the store stays open. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#pause?.resume()
    this.wake()
    await Promise.all(this.#loops)
    this.#state = 'stopped'
  }

  async #follow(follower: TableFollower): Promise<void> {
    const { poll_ms = POLL_MS, every_ms = 0, now } = this.#options
    while (!this.#stopped) {
      if (this.#pause) await this.#pause.resumed
      if (this.#stopped) return
      follower.dirty = false
      const began_ms = now()
      await this.#again(follower.table, () => follower.catchUp(() => this.#stopped || this.#pause !== undefined))
      if (!follower.dirty) await this.#sleep(poll_ms, () => follower.dirty)
      const early_ms = began_ms + every_ms - now()
      if (early_ms > 0) await this.#sleep(early_ms, () => false)
    }
  }

  /** Until it succeeds or the runner is stopped. Passing faults of the store were already tried again by the policy. */
  async #again(table: string, work: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      try {
        await work()
        this.#errors.delete(table)
        return
      } catch (error) {
        if (this.#stopped) return
        this.#errors.set(table, messageOf(error))
        // What the lake throws while its object store is away comes here too.
        const again_in_ms = isPassing(error) ? LONGEST_RETRY_MS : REPAIR_MS
        this.#options.events?.failed?.(table, error, again_in_ms)
        await this.#sleep(again_in_ms, () => false)
      }
    }
  }

  #retrying(): IPolicy {
    const passing = (error: unknown) => error instanceof StoreError && error.retryable
    const again = retry(
      handleWhen((error) => passing(error) || error instanceof BrokenCircuitError),
      {
        maxAttempts: Number.MAX_SAFE_INTEGER,
        backoff: new ExponentialBackoff({ initialDelay: FIRST_RETRY_MS, maxDelay: LONGEST_RETRY_MS }),
      },
    )
    const circuit = circuitBreaker(handleWhen(passing), {
      halfOpenAfter: HALF_OPEN_AFTER_MS,
      breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    })
    circuit.onStateChange((state) => {
      this.#circuit_open = state === CircuitState.Open
      if (state === CircuitState.Closed) this.#errors.delete('')
    })
    again.onFailure(({ reason }) => {
      const error = 'error' in reason ? reason.error : undefined
      if (passing(error)) this.#errors.set('', messageOf(error))
    })
    again.onRetry(({ delay, ...reason }) => {
      const error = 'error' in reason ? reason.error : undefined
      if (passing(error)) this.#options.events?.failed?.('', error, delay)
    })
    again.onSuccess(() => this.#errors.delete(''))
    return wrap(again, circuit)
  }

  #sleep(ms: number, enough: () => boolean): Promise<void> {
    if (this.#stopped || enough()) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#wakes.delete(woken)
        resolve()
      }
      const woken = () => {
        if (this.#stopped || enough()) end()
      }
      const timer = setTimeout(end, ms)
      this.#wakes.add(woken)
    })
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted
  }

  #tables(): string {
    return this.#followers.map(({ table }) => table).join(', ')
  }
}

/** The calls of a follower, each tried again while the fault is a passing one. */
function guardedStore(
  store: Store,
  execute: <T>(work: () => Promise<T>) => Promise<T>,
): Pick<Store, 'progress' | 'apply' | 'forget'> {
  return {
    progress: () => execute(() => store.progress()),
    apply: (batch) => execute(() => store.apply(batch)),
    forget: (table) => execute(() => store.forget(table)),
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
const isPassing = (error: unknown) => error instanceof Error && 'retryable' in error && error.retryable === true

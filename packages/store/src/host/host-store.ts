import { existsSync, renameSync } from 'node:fs'
import {
  type Answer,
  type ApplyOutcome,
  type ChangeBatch,
  type InventoryRow,
  type Progress,
  type Refusal,
  type Store,
  type StoredTable,
  StoreError,
  type StoreName,
} from '../store.ts'
import { ChildProcessStore } from './child-process-store.ts'
import type { HostedMethod } from './host-protocol.ts'

export interface HostOptions {
  name: StoreName
  /** URL of a module that exports `openStore(options): Promise<Store>`. */
  module: string
  /** The store's own folder, given to `openStore` as `folder`. */
  folder: string
  memory_limit_mb: number
  /** Told when the child ended by itself, or its data was set aside. */
  warn: (message: string, details: Readonly<Record<string, unknown>>) => void
  now: () => number
}

/** Crashes in a row while opening, after which the data is taken to be what crashes it. */
const CRASHES_TO_SET_ASIDE = 2
const ASK_AGAIN_MS = 15_000

/**
 * An embedded store in a process of its own, so that neither a long load nor a native crash there touches anybody else.
 * A child that ended is started again by the next call; what was under way fails as a passing fault. A store that cannot
 * be opened because its files are damaged is set aside (renamed, not deleted) and begins empty: the runner loads it anew.
 */
export function hostStore(options: HostOptions): Store {
  return new HostedStore(options)
}

class HostedStore implements Store {
  readonly name: StoreName
  readonly #options: HostOptions
  #child: Promise<ChildProcessStore> | undefined
  #prepared: readonly StoredTable[] = []
  #crashes = 0
  /** A start that will fail again until somebody mends something. */
  #refusal: { error: StoreError; until_ms: number } | undefined
  #closed = false

  constructor(options: HostOptions) {
    this.name = options.name
    this.#options = options
  }

  async prepare(tables: readonly StoredTable[]): Promise<void> {
    const names = new Set(tables.map(({ table }) => table))
    this.#prepared = [...this.#prepared.filter(({ table }) => !names.has(table)), ...tables]
    await this.#call('prepare', [tables])
  }

  async progress(): Promise<Record<string, Progress>> {
    return this.#call('progress', [])
  }

  async apply(batch: ChangeBatch): Promise<ApplyOutcome> {
    return this.#call('apply', [batch])
  }

  async forget(table: string): Promise<void> {
    await this.#call('forget', [table])
  }

  async refusals(table: string, after: string | undefined, limit: number): Promise<Refusal[]> {
    return this.#call('refusals', [table, after, limit])
  }

  async inventory(table: string, after: string | undefined, limit: number): Promise<InventoryRow[]> {
    return this.#call('inventory', [table, after, limit])
  }

  async ask(question: string, parameters: Readonly<Record<string, string>>, limit: number): Promise<Answer> {
    return this.#call('ask', [question, parameters, limit])
  }

  async close(): Promise<void> {
    this.#closed = true
    const child = await this.#child?.catch(() => undefined)
    await child?.close()
  }

  /** What turns out to be damaged while it is used is closed, so that the next call opens it, which sets it aside. */
  async #call<M extends HostedMethod>(method: M, args: Parameters<Store[M]>): Promise<Awaited<ReturnType<Store[M]>>> {
    const child = await this.#open()
    try {
      return await child.call(method, args)
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'corrupt') throw error
      await child.close()
      throw loadedAnew(error)
    }
  }

  /** The living child, or a new one; whoever comes while one is being started waits for the same. */
  #open(): Promise<ChildProcessStore> {
    if (this.#closed) return Promise.reject(new StoreError('unreachable', `the ${this.name} store was closed`))
    this.#child = this.#opened(this.#child)
    return this.#child
  }

  async #opened(before: Promise<ChildProcessStore> | undefined): Promise<ChildProcessStore> {
    // A start that failed was told to whoever asked for it.
    const known = await before?.catch(() => undefined)
    return known?.alive ? known : this.#start()
  }

  async #start(): Promise<ChildProcessStore> {
    const { module, folder, memory_limit_mb, warn, now } = this.#options
    if (this.#refusal && now() < this.#refusal.until_ms) throw this.#refusal.error
    let child: ChildProcessStore
    try {
      child = await ChildProcessStore.open({
        name: this.name,
        module,
        options: { folder },
        memory_limit_mb,
        ended: (how) => warn('a store process ended by itself; it is started again', { store: this.name, how }),
      })
    } catch (error) {
      if (this.#openFailed(error)) throw loadedAnew(error)
      // Everybody who looks at the lake asks: a process for each of them would tell no more.
      if (error instanceof StoreError && error.code === 'failed' && !error.retryable)
        this.#refusal = { error, until_ms: now() + ASK_AGAIN_MS }
      throw error
    }
    this.#crashes = 0
    await this.#prepareAgain(child)
    return child
  }

  /** A child that nobody gets to know would keep the folder from those after it, whose errors would hide this one. */
  async #prepareAgain(child: ChildProcessStore): Promise<void> {
    if (this.#prepared.length === 0) return
    try {
      await child.call('prepare', [this.#prepared])
    } catch (error) {
      await child.close()
      const damaged = error instanceof StoreError && error.code === 'corrupt'
      throw damaged && this.#openFailed(error) ? loadedAnew(error) : error
    }
  }

  /** @returns whether the store's files were set aside, so that the next opening finds none */
  #openFailed(error: unknown): boolean {
    const { folder, now, warn } = this.#options
    const damaged = error instanceof StoreError && error.code === 'corrupt'
    if (error instanceof StoreError && error.code === 'unreachable') this.#crashes++
    if (!damaged && this.#crashes < CRASHES_TO_SET_ASIDE) return false
    this.#crashes = 0
    if (!existsSync(folder)) return false
    const aside = `${folder}.damaged-${now()}`
    renameSync(folder, aside)
    warn('a store could not be opened; its files were set aside and it is loaded anew from the tables', {
      store: this.name,
      set_aside: aside,
      reason: error instanceof Error ? error.message : String(error),
    })
    return true
  }
}

const loadedAnew = (cause: unknown) =>
  new StoreError('corrupt', `${cause instanceof Error ? cause.message : String(cause)}; it is loaded anew`, {
    cause,
    retryable: true,
  })

import type { Progress, RowChange, Store } from '../store.ts'
import type { RunnerEvents, TableState } from './runner-events.ts'
import { type SourceHead, type SourceTable, VersionGone } from './source-table.ts'

export interface FollowerParts {
  store: Pick<Store, 'progress' | 'apply' | 'forget'>
  source: SourceTable
  events: RunnerEvents
  now: () => number
}

/** Versions that one step may cover; a store that is further behind takes several. */
const MAX_STEP_VERSIONS = 1_000
/** What the store says of its progress is asked for again after this long: its data may have been lost or restored. */
const ASK_AGAIN_MS = 15_000
/** A pin is moved this often at most. */
const PIN_EVERY_MS = 300_000

/**
 * Brings one table of one store to the table's newest version, chunk by chunk. Progress lives in the store, with the
 * data: a step that was cut off goes on after its last chunk that is in, because chunks come in the same order again.
 */
export class TableFollower {
  /** Set by whoever knows of something new. */
  dirty = true
  readonly #parts: FollowerParts
  #known: { progress: Progress | undefined } | undefined
  #head: SourceHead | undefined
  #behind_since_ms: number | undefined
  #asked_ms = Number.NEGATIVE_INFINITY
  #pinned_ms = Number.NEGATIVE_INFINITY
  #reload: { version: number | undefined } | undefined
  #busy: Promise<void> | undefined

  constructor(parts: FollowerParts) {
    this.#parts = parts
  }

  get table(): string {
    return this.#parts.source.stored.table
  }

  state(): Omit<TableState, 'error'> {
    const progress = this.#known?.progress
    const current = progress && (!this.#head || progress.table_id === this.#head.table_id) && progress.version >= 0
    return {
      table: this.table,
      version: current ? progress.version : undefined,
      head: this.#head?.version,
      behind_since_ms: this.#behind_since_ms,
    }
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#busy?.catch(() => undefined)
  }

  /** Has the next turn forget what the store holds and load the table from a version (default: the newest). */
  async reload(version: number | undefined): Promise<void> {
    this.#reload = { version }
  }

  /** Whether a reload was asked for and the store has not forgotten the table yet. */
  get forgets(): boolean {
    return this.#reload !== undefined
  }

  /** Steps until the store is at the newest version. Throws what the store and the lake throw; nothing is lost by it. */
  async catchUp(interrupted: () => boolean): Promise<void> {
    const busy = this.#run(interrupted)
    this.#busy = busy
    try {
      await busy
    } finally {
      if (this.#busy === busy) this.#busy = undefined
    }
  }

  async #run(interrupted: () => boolean): Promise<void> {
    try {
      while (!interrupted()) {
        await this.#forgetIfAsked()
        const head = await this.#parts.source.head()
        this.#head = head
        const progress = await this.#progressFor(head)
        if (progress && !progress.step && progress.version >= head.version) {
          this.#behind_since_ms = undefined
          await this.#pin(progress.version)
          this.#parts.events.stands?.(this.table, progress.version)
          return
        }
        this.#behind_since_ms ??= this.#parts.now()
        await this.#step(progress, head, interrupted)
      }
    } catch (error) {
      this.#known = undefined
      if (!(error instanceof VersionGone)) throw error
      await this.#forget(error.message)
    }
  }

  async #progressFor(head: SourceHead): Promise<Progress | undefined> {
    const now = this.#parts.now()
    if (!this.#known || now - this.#asked_ms > ASK_AGAIN_MS) {
      this.#known = { progress: (await this.#parts.store.progress())[this.table] }
      this.#asked_ms = now
    }
    const { progress } = this.#known
    if (!progress || progress.table_id === head.table_id) return progress
    await this.#forget('the table was rebuilt: it has another id')
    return undefined
  }

  async #step(before: Progress | undefined, head: SourceHead, interrupted: () => boolean): Promise<void> {
    const { source } = this.#parts
    const from = before?.version ?? -1
    const target = before?.step?.target ?? (from < 0 ? head.version : Math.min(head.version, from + MAX_STEP_VERSIONS))
    await this.#pin(Math.max(0, from < 0 ? target : from))
    let skip = before?.step?.chunks ?? 0
    let chunks = skip
    let progress = before
    let held: RowChange[] | undefined
    for await (const chunk of source.changes(from, target)) {
      if (skip > 0) {
        skip--
        continue
      }
      // One chunk is held back: the last one of a step moves the version with it.
      if (held) {
        chunks++
        const next = { table_id: head.table_id, version: from, step: { target, chunks } }
        if (!(await this.#apply(progress, next, held))) return
        progress = next
        if (interrupted()) return
      }
      held = chunk
    }
    const done = { table_id: head.table_id, version: target }
    if (await this.#apply(progress, done, held ?? []))
      this.#parts.events.advanced?.(this.table, target, held?.length ?? 0)
  }

  async #apply(expected: Progress | undefined, next: Progress, changes: RowChange[]): Promise<boolean> {
    const outcome = await this.#parts.store.apply({ table: this.table, expected, next, changes })
    if (outcome.kind === 'superseded') {
      // Another sink was quicker, or a lost answer was a success: the store knows.
      this.#known = undefined
      return false
    }
    this.#known = { progress: next }
    this.#parts.events.applied?.(this.table, changes.length)
    if (outcome.refused.length > 0) this.#parts.events.refused?.(this.table, outcome.refused)
    return true
  }

  async #forgetIfAsked(): Promise<void> {
    const asked = this.#reload
    if (!asked) return
    const head = await this.#parts.source.head()
    await this.#forget('asked for')
    // Somebody may have asked again meanwhile.
    if (this.#reload === asked) this.#reload = undefined
    if (asked.version === undefined || asked.version >= head.version) return
    await this.#step(undefined, { ...head, version: asked.version }, () => false)
  }

  async #forget(reason: string): Promise<void> {
    this.#parts.events.reloading?.(this.table, reason)
    await this.#parts.store.forget(this.table)
    this.#known = { progress: undefined }
  }

  async #pin(version: number): Promise<void> {
    const now = this.#parts.now()
    if (now - this.#pinned_ms < PIN_EVERY_MS) return
    await this.#parts.source.pin(version)
    this.#pinned_ms = now
  }
}

import type { DeltaStore } from '@sluice/delta'
import { openMemoryStore } from '@sluice/object-store/memory-store'
import type { Dangers } from './dangers.ts'
import type { Random } from './random.ts'
import type { Actor, Scheduler } from './scheduler.ts'
import type { SimLog } from './sim-log.ts'

/** The store did not do what it was asked, or did not say so. */
export class StoreDown extends Error {
  constructor(what: string) {
    super(`the store is down: ${what}`)
    this.name = 'StoreDown'
  }
}

/** Fake time that a step takes. */
export const STEP_MS = 2_000

export const turnOf = ({ name, turn }: Actor) => `${name}, turn ${turn}`

export interface Watcher {
  /** An object was written; `by`: in which turn of whom it was sent, which may be over by now. */
  written(key: string, bytes: Uint8Array, by: string): void
}

/** What all workers share: objects, clock, log; and what may happen to them. */
export class World {
  readonly random: Random
  readonly scheduler: Scheduler
  readonly log: SimLog
  readonly watchers: Watcher[] = []
  dangers: Dangers
  /** What happened how often. */
  readonly seen = new Map<string, number>()
  /**
   * A log entry that was cleaned up was sent again, by a writer that was away for longer than the log's retention between
   * its last look and its write. Delta has no guard against that but a retention that is long enough.
   */
  too_late = false
  #clock_ms = 1_760_000_000_000
  #serial = 0
  readonly #objects: DeltaStore = openMemoryStore()
  readonly #deleted = new Set<string>()
  readonly #outages = new Map<Actor, number>()

  constructor(parts: { random: Random; scheduler: Scheduler; log: SimLog; dangers: Dangers }) {
    this.random = parts.random
    this.scheduler = parts.scheduler
    this.log = parts.log
    this.dangers = parts.dangers
  }

  /** Fake time moves on with each step, and by a millisecond at each look. */
  readonly now = () => this.#clock_ms++ + this.scheduler.steps * STEP_MS

  /** A text that was never used before. */
  readonly token = (): string => `t${this.#serial++}`

  readonly saw = (what: string): void => {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
  }

  passTime(ms: number): void {
    this.#clock_ms += ms
  }

  /** The store fails for this actor for so many steps. */
  cutOff(actor: Actor, steps: number): void {
    this.#outages.set(actor, this.scheduler.steps + steps)
  }

  restore(): void {
    this.#outages.clear()
  }

  /** The store without steps and mishaps. */
  get objects(): DeltaStore {
    return this.#objects
  }

  /** The store as one actor sees it. */
  view(actor: Actor): DeltaStore {
    const objects = this.#objects
    const written = (key: string, bytes: Uint8Array, by: string) => {
      for (const watcher of this.watchers) watcher.written(key, bytes, by)
    }
    const put = async (key: string, bytes: Uint8Array, by: string) => {
      const outcome = await objects.put(key, bytes)
      written(key, bytes, by)
      return outcome
    }
    const putIfAbsent = async (key: string, bytes: Uint8Array, by: string) => {
      if (this.#deleted.has(key)) this.too_late = true
      const outcome = await objects.putIfAbsent(key, bytes)
      if (outcome.kind === 'created' && !this.too_late) written(key, bytes, by)
      if (outcome.kind === 'exists') this.saw('race lost')
      return outcome
    }
    return {
      get: (key, range) =>
        this.#ask(actor, `gets ${key}`, async () => {
          if (key.endsWith('.rows') && this.random.chance(this.dangers.unreadable)) throw new StoreDown(`gets ${key}`)
          return objects.get(key, range)
        }),
      head: (key) => this.#ask(actor, `heads ${key}`, () => objects.head(key)),
      put: (key, bytes) => this.#write(actor, `puts ${key}`, (by) => put(key, bytes, by)),
      putIfAbsent: (key, bytes) => this.#write(actor, `puts if absent ${key}`, (by) => putIfAbsent(key, bytes, by)),
      list: (prefix, options) => this.#list(actor, prefix, options),
      delete: (keys) =>
        this.#write(actor, `deletes ${keys.join(' ')}`, () => {
          for (const key of keys) this.#deleted.add(key)
          return objects.delete(keys)
        }),
    }
  }

  async #write<T>(actor: Actor, what: string, work: (by: string) => Promise<T>): Promise<T> {
    const by = turnOf(actor)
    if (!this.random.chance(this.dangers.arrive_late)) return this.#ask(actor, what, () => work(by))
    await this.scheduler.step(actor, `${what}: times out`)
    const request = this.scheduler.actor(`${actor.name}'s late request`)
    request.asleep_until = this.random.pick([
      0,
      0,
      ...[50, 300, 300].map((steps) => this.#after(steps)),
      Number.POSITIVE_INFINITY,
    ])
    this.saw('write that came late')
    void this.scheduler.step(request, what).then(() => work(by))
    throw new StoreDown(what)
  }

  #after(at_most: number): number {
    return this.scheduler.steps + this.random.below(at_most)
  }

  /** One step for the request, one for its answer: between them the effect is there and its sender does not know. */
  async #ask<T>(actor: Actor, what: string, work: () => Promise<T>): Promise<T> {
    const { scheduler, random, dangers } = this
    await scheduler.step(actor, what)
    const cut = (this.#outages.get(actor) ?? 0) > scheduler.steps
    if (random.chance(dangers.refuse) || (cut && random.chance(0.7))) {
      scheduler.note(actor, 'is refused')
      throw new StoreDown(what)
    }
    const result = await work()
    if (random.chance(dangers.lose_answer) || cut) {
      this.saw('answer lost')
      await scheduler.step(actor, `gets no answer: ${what}`)
      throw new StoreDown(what)
    }
    if (random.chance(0.3)) await scheduler.step(actor, `is answered: ${what}`)
    return result
  }

  async *#list(actor: Actor, prefix: string, options?: { start_after?: string; limit?: number }) {
    const found = await this.#ask(actor, `lists ${prefix}`, () => Array.fromAsync(this.#objects.list(prefix, options)))
    yield* found
  }
}

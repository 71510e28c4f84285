import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '../pipeline/client.ts'
import type { LoadedEvent } from './steady-load.ts'

/** Where an event arrives: the tables, or a store. */
export type Place = 'tables' | 'postgres' | 'influxdb' | 'elasticsearch' | 'neo4j'
export const PLACES: readonly Place[] = ['tables', 'postgres', 'influxdb', 'elasticsearch', 'neo4j']

const LOOK_EVERY_MS = 400
/** Looks under way for one place. More of them would keep the console busy, which is one of those that are watched. */
const LOOKS_AT_ONCE = 4
const NEXT_AFTER_MS = 250

const AT = '2025-10-02T21:10:00Z'
/** An event for each place. */
const EVENT: Readonly<Record<Place, (id: string) => LoadedEvent & Record<string, unknown>>> = {
  tables: (event_id) => ({
    type: 'click',
    event_id,
    user_id: 'u1',
    product_id: 'p1',
    action: 'view',
    clicked_at: AT,
  }),
  postgres: (event_id) => ({ type: 'like', event_id, user_id: 'u1', subject_id: 'm1', liked_at: AT }),
  influxdb: (event_id) => ({ type: 'system_metric', event_id, region: event_id, movie_id: 'm1', collected_at: AT }),
  elasticsearch: (event_id) => ({
    type: 'comment',
    event_id,
    comment_id: event_id,
    user_id: 'u1',
    subject_id: 'm1',
    text: 'probe',
    commented_at: AT,
  }),
  neo4j: (event_id) => ({ type: 'viewing_log', event_id, user_id: event_id, movie_id: 'm1', watched_at: AT }),
}

/**
 * Sends an event to each place, waits until its trail says that it is there, and sends the next: how long nothing
 * arrived tells how long the place stood still. Places do not wait for each other, and a look does not wait for the one
 * before: the more are under way, the later the next begins. While a store says nothing and all else flows, events
 * arrive about 6 s apart: 0.3 s until the next is sent, 0.2 s until it is durable, up to 1 s until it is in a table and
 * its store, up to 1.6 s until a look begins, and 3 s that this one waits for the silent store.
 */
export class ProgressWatch {
  readonly sent: LoadedEvent[] = []
  readonly #arrived_ms = new Map<Place, number[]>(PLACES.map((place) => [place, []]))
  readonly #ingest: Client
  readonly #console: Client
  readonly #prefix: string
  readonly #stopping = new AbortController()
  readonly #done: Promise<unknown>
  /** The first of them ends the watch, and is told to whoever waits for something or stops it. */
  readonly #faults: unknown[] = []

  constructor(ingest: Client, console: Client, prefix: string) {
    this.#ingest = ingest
    this.#console = console
    this.#prefix = prefix
    this.#done = Promise.all(PLACES.map((place) => this.#watch(place).catch((error: unknown) => this.#fail(error))))
  }

  arrived_ms(place: Place): readonly number[] {
    return this.#arrived_ms.get(place) ?? []
  }

  /** Resolves when each place has shown another event. */
  async moved(): Promise<void> {
    const before = PLACES.map((place) => this.arrived_ms(place).length)
    while (PLACES.some((place, i) => this.arrived_ms(place).length <= (before[i] ?? 0))) {
      this.#check()
      if (this.#stopping.signal.aborted) return
      await sleep(LOOK_EVERY_MS)
    }
  }

  /** Ends when each event that may have been kept is acknowledged, and no look is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#done
    this.#check()
  }

  async #watch(place: Place): Promise<void> {
    const looks = new Set<Promise<void>>()
    for (let i = 0; !this.#stopping.signal.aborted; i++) {
      const event = EVENT[place](`${this.#prefix}-${place}-${i}`)
      if (!(await this.#post(event)) || !(await this.#arrives(event.event_id, place, looks))) continue
      this.#arrived_ms.get(place)?.push(performance.now())
      await sleep(NEXT_AFTER_MS)
    }
    await Promise.all(looks)
  }

  /** @returns whether it was acknowledged; `false` only if nothing of it was kept */
  async #post(event: LoadedEvent): Promise<boolean> {
    let may_be_kept = false
    while (may_be_kept || !this.#stopping.signal.aborted) {
      const { status, code } = await this.#ingest.post([event])
      if (status === 202) {
        this.sent.push(event)
        return true
      }
      // An ingest that had no answer of its own cannot say.
      may_be_kept ||= code === 'raw_zone_unavailable'
      await sleep(LOOK_EVERY_MS)
    }
    return false
  }

  /**
   * Begins a look every so often, also while others are under way, until one of them sees the event.
   * @param looks those of this place; each leaves it at its end
   * @returns `false` if the watch was stopped first
   */
  async #arrives(event_id: string, place: Place, looks: Set<Promise<void>>): Promise<boolean> {
    const seen = Promise.withResolvers<void>()
    let there = false
    const look = async () => {
      if (!(await this.#isThere(event_id, place))) return
      there = true
      seen.resolve()
    }
    while (!there && !this.#stopping.signal.aborted) {
      if (looks.size < LOOKS_AT_ONCE) {
        const begun: Promise<void> = look()
          .catch((error: unknown) => this.#fail(error))
          .finally(() => looks.delete(begun))
        looks.add(begun)
      }
      await Promise.race([seen.promise, sleep(LOOK_EVERY_MS * (1 + looks.size))])
    }
    return there
  }

  #fail(error: unknown): void {
    this.#faults.push(error)
    this.#stopping.abort()
  }

  #check(): void {
    if (this.#faults.length > 0) throw this.#faults[0]
  }

  async #isThere(event_id: string, place: Place): Promise<boolean> {
    const answer = await this.#console.call('GET', `/v1/events/${event_id}`)
    // Not decided yet; or what the trail is read from is away.
    if (answer.status === 404 || answer.status === 503) return false
    if (answer.status !== 200)
      throw new Error(`the trail of ${event_id}: ${answer.status} ${answer.text.slice(0, 500)}`)
    const { outcome, sinks } = answer.json()
    return place === 'tables' ? outcome === 'stored' : sinks[place]?.status === 'written'
  }
}

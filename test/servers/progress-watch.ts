import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '../pipeline/client.ts'
import type { LoadedEvent } from './steady-load.ts'

/** Where an event arrives: the tables, or a store. */
export type Place = 'tables' | 'postgres' | 'influxdb' | 'elasticsearch' | 'neo4j'
export const PLACES: readonly Place[] = ['tables', 'postgres', 'influxdb', 'elasticsearch', 'neo4j']

const LOOK_EVERY_MS = 400
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
 * arrived tells how long the place stood still. Places do not wait for each other.
 */
export class ProgressWatch {
  readonly sent: LoadedEvent[] = []
  readonly #arrived_ms = new Map<Place, number[]>(PLACES.map((place) => [place, []]))
  readonly #ingest: Client
  readonly #console: Client
  readonly #prefix: string
  readonly #stopping = new AbortController()
  readonly #done: Promise<unknown>

  constructor(ingest: Client, console: Client, prefix: string) {
    this.#ingest = ingest
    this.#console = console
    this.#prefix = prefix
    this.#done = Promise.all(PLACES.map((place) => this.#watch(place)))
    this.#done.catch(() => undefined)
  }

  arrived_ms(place: Place): readonly number[] {
    return this.#arrived_ms.get(place) ?? []
  }

  /** Resolves when each place has shown another event. */
  async moved(): Promise<void> {
    const before = PLACES.map((place) => this.arrived_ms(place).length)
    while (PLACES.some((place, i) => this.arrived_ms(place).length <= (before[i] ?? 0))) {
      if (this.#stopping.signal.aborted) return
      await sleep(LOOK_EVERY_MS)
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#done
  }

  async #watch(place: Place): Promise<void> {
    for (let i = 0; !this.#stopping.signal.aborted; i++) {
      const event = EVENT[place](`${this.#prefix}-${place}-${i}`)
      if (!(await this.#post(event))) continue
      while (!this.#stopping.signal.aborted) {
        if (await this.#isThere(event.event_id, place)) {
          this.#arrived_ms.get(place)?.push(performance.now())
          await sleep(NEXT_AFTER_MS)
          break
        }
        await sleep(LOOK_EVERY_MS)
      }
    }
  }

  async #post(event: LoadedEvent): Promise<boolean> {
    while (!this.#stopping.signal.aborted) {
      const { status } = await this.#ingest.post([event])
      if (status === 202) {
        this.sent.push(event)
        return true
      }
      await sleep(LOOK_EVERY_MS)
    }
    return false
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

import type { Client, SentResult } from '../pipeline/client.ts'

/** One event that was sent, with what must become of it. */
export interface SentEvent {
  event_id: string
  /** The JSON of the fields, `type` included. */
  event: Record<string, unknown>
  expected: 'stored' | 'quarantined'
  /** Requests with it that were answered 202: each is a receipt. */
  acknowledged: number
  /** Requests with it that were begun: none or one receipt each. */
  attempts: number
}

type Random = () => number

const USERS = 20
const FILMS = 12
const SUBSCRIPTIONS = 15
const REGIONS = ['India', 'EU West', 'US,East']
const T0 = Date.UTC(2025, 8, 1)
const NDJSON = 'application/x-ndjson'

/**
 * Makes and sends a mixed load: plain and keyed tables, merges out of order, posts with media, bad events, unknown types,
 * repeats of anything sent before in other forms; and remembers what was acknowledged.
 */
export class Load {
  readonly events = new Map<string, SentEvent>()
  readonly #random: Random
  readonly #name: string
  readonly #ids: string[] = []
  #serial = 0

  constructor(name: string, random: Random) {
    this.#name = name
    this.#random = random
  }

  get acknowledged(): SentEvent[] {
    return [...this.events.values()].filter(({ acknowledged }) => acknowledged > 0)
  }

  /** A load that knows what was sent so far, for a copy of the lake that it was sent to. */
  copy(name: string): Load {
    const copy = new Load(name, this.#random)
    for (const [id, sent] of this.events) copy.events.set(id, { ...sent })
    copy.#ids.push(...this.#ids)
    return copy
  }

  /** Sends one request; `false` if it got no answer or was not accepted. */
  async send(client: Client, size = 1 + Math.floor(this.#random() ** 2 * 150)): Promise<boolean> {
    const batch = Array.from({ length: size }, () => (this.#random() < 0.1 ? this.#again() : this.#fresh()))
    return this.#post(client, batch)
  }

  /** Sends everything again that has no acknowledgement, as a patient client does. */
  async sendUnacknowledged(client: Client): Promise<void> {
    const rest = [...this.events.values()].filter(({ acknowledged }) => acknowledged === 0)
    for (let i = 0; i < rest.length; i += 500)
      if (!(await this.#post(client, rest.slice(i, i + 500)))) throw new Error('expected a quiet lake to accept events')
  }

  async #post(client: Client, batch: SentEvent[]): Promise<boolean> {
    for (const sent of batch) sent.attempts++
    try {
      const { status, results } = await this.#request(client, batch)
      if (status !== 202) return false
      results.forEach((result: SentResult, i) => {
        if (result.event_id !== batch[i]?.event_id) throw new Error(`expected ${batch[i]?.event_id} at ${i}`)
      })
      for (const sent of batch) sent.acknowledged++
      return true
    } catch (error) {
      if (error instanceof TypeError || error instanceof SyntaxError) return false
      throw error
    }
  }

  #request(client: Client, batch: readonly SentEvent[]) {
    const events = batch.map(({ event_id, event }) => ({ ...event, event_id }))
    const roll = this.#random()
    if (roll < 0.4) return client.post(events)
    if (roll < 0.8)
      return client.post(events.map((event) => `${JSON.stringify(event)}\n`).join(''), { content_type: NDJSON })
    const wrapped = batch.map(({ event_id, event: { type, ...data } }) => {
      // Anything but a UUID or ULID is joined to its source, so the event_id travels in the data.
      return { specversion: '1.0', source: 'load', type, data: { ...data, event_id } }
    })
    return client.post(wrapped, { content_type: 'application/cloudevents-batch+json' })
  }

  /** Something that was sent before. */
  #again(): SentEvent {
    const sent = this.events.get(this.#ids[Math.floor(this.#random() * this.#ids.length)] ?? '')
    return sent ?? this.#fresh()
  }

  #fresh(): SentEvent {
    const event_id = `${this.#name}-${this.#serial++}`
    const { bad = false, ...event } = this.#make(event_id)
    const sent: SentEvent = {
      event_id,
      event,
      expected: bad ? 'quarantined' : 'stored',
      acknowledged: 0,
      attempts: 0,
    }
    this.events.set(event_id, sent)
    this.#ids.push(event_id)
    return sent
  }

  #make(event_id: string): Record<string, unknown> & { bad?: boolean } {
    const pick = (n: number) => Math.floor(this.#random() * n)
    const at = () => new Date(T0 + pick(30 * 86_400) * 1000).toISOString()
    const user_id = `u${pick(USERS)}`
    const movie_id = `m${pick(FILMS)}`
    const roll = this.#random()
    if (roll < 0.35) {
      const event = { type: 'viewing_log', user_id, movie_id, watched_at: at(), duration_minutes: pick(180) }
      return this.#random() < 0.05 ? { ...event, duration_minutes: 'long', bad: true } : event
    }
    if (roll < 0.5)
      return { type: 'system_metric', region: REGIONS[pick(3)], movie_id, buffering_count: pick(9), collected_at: at() }
    if (roll < 0.6)
      return { type: 'movie', movie_id, title: `Film ${event_id}`, cast: ['Ann', "O'Neil"], updated_at: at() }
    if (roll < 0.75) {
      const subscription_id = `s${pick(SUBSCRIPTIONS)}`
      return {
        type: 'subscription',
        subscription_id,
        user_id,
        plan: 'basic',
        status: `st-${pick(4)}`,
        changed_at: at(),
      }
    }
    if (roll < 0.82)
      return {
        type: 'post',
        post_id: `p${pick(400)}`,
        user_id,
        content: `Loved it ${event_id}`,
        media: ['a.jpg', 'b.mp4'].slice(pick(3)),
        posted_at: at(),
      }
    if (roll < 0.94) return { type: 'click', user_id, product_id: `p${pick(5)}`, action: 'view', clicked_at: at() }
    if (roll < 0.97)
      return {
        type: 'payment',
        payment_id: `pay-${event_id}`,
        subscription_id: 's0',
        user_id,
        amount: '0.10',
        currency: 'INR',
        paid_at: at(),
      }
    return { type: 'hologram_log', beam: pick(100), bad: true }
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Sent } from '../pipeline/client.ts'
import { click, view } from '../pipeline/world.ts'
import type { ServiceProcess } from './server-lake.ts'
import type { LoadedEvent } from './steady-load.ts'

const BATCH_EVENTS = 40
const PAUSE_MS = 400
const AGAIN_AFTER_MS = 200
const AT = '2025-10-02T21:10:00Z'

/** Posts batches one after the other, to the first ingest that takes them, until it is told to stop. */
export class Sender {
  /** Every batch that was acknowledged, in order. */
  readonly acknowledged: (readonly LoadedEvent[])[] = []
  /** Receipts of batches of which nobody could say whether they were kept: they may be in the lake, beside others of the same ids. */
  in_doubt = 0
  readonly #clients: readonly Client[]
  readonly #batch: (number: number) => readonly LoadedEvent[] | undefined
  #stopping = false
  readonly #done: Promise<void>

  /** @param batch gives the events of a number; `undefined`: not yet */
  constructor(clients: readonly Client[], batch: (number: number) => readonly LoadedEvent[] | undefined) {
    this.#clients = clients
    this.#batch = batch
    this.#done = this.#run()
    // Whoever stops it hears of it.
    this.#done.catch(() => undefined)
  }

  /** Ends when what is under way is acknowledged. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#done
  }

  get receipts(): number {
    return this.acknowledged.reduce((sum, batch) => sum + batch.length, 0)
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const batch = this.#batch(this.acknowledged.length)
      if (batch) {
        await this.#post(batch)
        this.acknowledged.push(batch)
      }
      await sleep(PAUSE_MS)
    }
  }

  async #post(batch: readonly LoadedEvent[]): Promise<void> {
    for (;;)
      for (const client of this.#clients) {
        const sent = await client.post(batch).catch((error: unknown) => error)
        if (isSent(sent) && sent.status === 202 && sent.accepted === batch.length) return
        if (mayBeKept(sent)) this.in_doubt += batch.length
        await sleep(AGAIN_AFTER_MS)
      }
  }
}

/** Without an answer, unless nobody was there; or an ingest without an answer of its own (one stopped while it wrote). */
const mayBeKept = (sent: unknown): boolean =>
  isSent(sent) ? sent.code === 'raw_zone_unavailable' : codeOf(sent) !== 'ECONNREFUSED'

const isSent = (outcome: unknown): outcome is Sent => !(outcome instanceof Error)

/** Of what made fetch fail. */
function codeOf(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined
  return typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
}

/** Events for all stores, whose keys are spread over all partitions. Of the keyed ones most are superseded. */
export function crowdBatch(sender: string, number: number): LoadedEvent[] {
  return Array.from({ length: BATCH_EVENTS }, (_, i) => {
    const event_id = `${sender}-${number}-${i}`
    const user_id = `u${(number * BATCH_EVENTS + i) % 97}`
    switch (i % 5) {
      case 0:
        return view(event_id, { user_id, movie_id: `m${i}` })
      case 1:
        return click(event_id, { user_id })
      case 2:
        return { type: 'system_metric', event_id, region: `r${i}`, movie_id: `m${number % 31}`, collected_at: AT }
      case 3:
        return { type: 'like', event_id, user_id, subject_id: `m${i}`, liked_at: AT }
      default:
        return {
          ...{ type: 'comment', event_id, comment_id: `c${(number + i) % 60}`, user_id },
          ...{ subject_id: 'm1', text: event_id, commented_at: AT },
        }
    }
  })
}

/** What a process has done by its own metrics. */
const WORK: Readonly<Record<string, RegExp>> = {
  transformer: /^sluice_transformer_batches_total\{result="committed"\} (\d+)/gm,
  sink: /^sluice_sink_rows_total\{[^}]*\} (\d+)/gm,
  ingest: /^sluice_ingest_durable_events_total (\d+)/gm,
  adopted: /^sluice_ingest_adopted_incarnations (\d+)/gm,
}

/** Commits of a transformer, rows that a sink had its store take, events that an ingest made durable; or another figure of it. */
export async function workOf({ name, url }: ServiceProcess, figure = name.split('-')[0] ?? ''): Promise<number> {
  const pattern = WORK[figure]
  if (!pattern) throw new Error(`nothing is known that ${figure} counts`)
  const text = await (await fetch(`${url}/metrics`)).text()
  return [...text.matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0)
}

/** The first of these processes that has done more than it had when this was called. */
export async function firstToWork(services: readonly ServiceProcess[], limit_ms = 30_000): Promise<ServiceProcess> {
  const before = await Promise.all(services.map((service) => workOf(service)))
  const end = performance.now() + limit_ms
  while (performance.now() < end) {
    for (const [i, service] of services.entries()) if ((await workOf(service)) > (before[i] ?? 0)) return service
    await sleep(50)
  }
  const names = services.map(({ name, pid }) => `${name} ${pid}`)
  throw new Error(`expected work of ${names.join(' or ')} within ${limit_ms} ms; it did none`)
}

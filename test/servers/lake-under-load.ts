import { expect } from 'vitest'
import { Client } from '../pipeline/client.ts'
import { click, view } from '../pipeline/world.ts'
import { ProgressWatch } from './progress-watch.ts'
import { ServerLake, SINKS } from './server-lake.ts'
import { type LoadedEvent, SteadyLoad } from './steady-load.ts'

const BATCH_EVENTS = 20
const AT = '2025-10-02T21:10:00Z'

/** One process of each service, and the books of what they acknowledged. */
export class LakeUnderLoad {
  readonly console: Client
  readonly #ingest: Client
  readonly #lake: ServerLake
  /** Stored events so far. */
  #stored = 0
  #days = 0

  private constructor(lake: ServerLake, ingest: Client, console: Client) {
    this.#lake = lake
    this.#ingest = ingest
    this.console = console
  }

  static async start(settings: Readonly<Record<string, string>>): Promise<LakeUnderLoad> {
    const lake = await ServerLake.create({ SLUICE_FRESHNESS_MS: '400', ...settings })
    try {
      const { url } = await lake.start('ingest')
      const [{ url: console_url }] = await Promise.all([
        lake.start('console', { SLUICE_INGEST_URL: url }),
        lake.start('transformer'),
        ...SINKS.map((sink) => lake.start(sink)),
      ])
      return new LakeUnderLoad(lake, new Client(url), new Client(console_url))
    } catch (error) {
      await lake.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    expect(await this.#lake.stop()).toEqual([0, 0, 0, 0, 0, 0, 0])
  }

  /** Runs `day` under load; afterwards everything that was acknowledged must be everywhere, once. */
  async day(day: (load: SteadyLoad, watch: ProgressWatch) => Promise<void>): Promise<SteadyLoad> {
    const prefix = `day-${++this.#days}`
    const load = new SteadyLoad(this.#ingest, (number) => batchOf(prefix, number))
    const watch = new ProgressWatch(this.#ingest, this.console, `${prefix}-probe`)
    try {
      await watch.moved()
      await day(load, watch)
      await watch.moved()
    } finally {
      await Promise.all([load.stop(), watch.stop()])
      // A day that failed is in the books of those after it.
      this.#stored += load.sent.length + watch.sent.length
    }
    await this.console.caughtUp()
    const sent = [...load.sent, ...watch.sent]
    const report = await this.console.verify()
    expect(report).toMatchObject({ ok: true, totals: { stored: this.#stored, quarantined: 0 } })
    expect(await this.#idsOf(prefix)).toEqual(sent.map(({ event_id }) => event_id).sort())
    process.stderr.write(`  verify is ok: ${JSON.stringify(report.totals)}\n`)
    return load
  }

  /** Stored ids of the ledger that begin so, each as often as it is there. */
  async #idsOf(prefix: string): Promise<string[]> {
    const rows = await this.console.sql(
      `SELECT string_agg(event_id, ' ') AS ids FROM ledger WHERE outcome = 'stored' AND starts_with(event_id, '${prefix}-')`,
    )
    return String(rows[0]?.['ids']).split(' ').sort()
  }
}

/** Events for all stores. Of the keyed ones most are superseded. */
function batchOf(prefix: string, number: number): LoadedEvent[] {
  return Array.from({ length: BATCH_EVENTS }, (_, i) => {
    const event_id = `${prefix}-${number}-${i}`
    const of_user = { user_id: `u${number % 50}` }
    switch (i % 4) {
      case 0:
        return view(event_id, { ...of_user, movie_id: `m${i}` })
      case 1:
        return click(event_id, of_user)
      case 2:
        return { type: 'system_metric', event_id, region: `r${i}`, movie_id: 'm1', collected_at: AT }
      default:
        return {
          ...{ type: 'comment', event_id, comment_id: `c${number % 20}`, ...of_user },
          ...{ subject_id: 'm1', text: event_id, commented_at: AT },
        }
    }
  })
}

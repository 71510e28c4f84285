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
} from '@sluice/store/store'
import { questions } from './questions.ts'
import { seriesMapping } from './series.ts'
import { type WindowSum, windowSum } from './series-question.ts'
import { askWindowSum, windowSumQuery } from './server/flux-question.ts'
import { InfluxConnection } from './server/influx-connection.ts'
import { END_MICROS, FIRST_MICROS } from './server/place.ts'
import { PointInventory } from './server/point-inventory.ts'
import { type SeriesLayout, seriesLayout } from './server/series-layout.ts'
import { SeriesTable } from './server/series-table.ts'
import { TableRecords } from './server/table-records.ts'
import { byUtf8 } from './utf8-order.ts'

export interface InfluxStoreOptions {
  /** InfluxDB 2: `http://host:8086`. */
  url: string
  /** May read and write the bucket. */
  token: string
  org: string
  /** Must be there, and keep its points for ever. */
  bucket: string
  /** Longest silence of the server before a call fails and is tried again, in milliseconds. */
  timeout_ms?: number
  /** What `now` means in a question, in milliseconds since 1970. Default: the clock. */
  now?: () => number
}

const TIMEOUT_MS = 60_000

/**
 * Opens the time series store on an InfluxDB server.
 * Errors: `unreachable`, `busy` (both retryable), `access_denied` (the token), `too_old` (not InfluxDB 2), `failed` (no
 * such organisation or bucket, or one that forgets).
 */
export async function openStore(options: InfluxStoreOptions): Promise<Store> {
  const { url, token, org, bucket, timeout_ms = TIMEOUT_MS, now = Date.now } = options
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new StoreError('failed', 'expected a url like http://host:8086; another text came')
  const connection = new InfluxConnection({ url, token, org, bucket, timeout_ms })
  await connection.check()
  return new InfluxStore(connection, now)
}

/** InfluxDB refuses an empty range. */
const holdsAny = ({ from, to }: WindowSum): boolean => from < to && to > FIRST_MICROS && from < END_MICROS

interface OpenTable {
  series: SeriesTable
  inventory: PointInventory
}

class InfluxStore implements Store {
  readonly name = 'influxdb'
  readonly #connection: InfluxConnection
  readonly #records: TableRecords
  readonly #now: () => number
  readonly #tables = new Map<string, OpenTable>()
  /** Tables that others prepared, as this process found them. */
  readonly #found = new Map<string, OpenTable>()
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(connection: InfluxConnection, now: () => number) {
    this.#connection = connection
    this.#records = new TableRecords(connection)
    this.#now = now
  }

  async prepare(tables: readonly StoredTable[]): Promise<void> {
    const records = await this.#records.read()
    for (const stored of tables) {
      const { table } = stored
      const layout = seriesLayout(table, stored.type.key !== undefined, seriesMapping(stored))
      const text = JSON.stringify(layout)
      const before = records.get(table)?.layout
      if (before !== undefined && before !== text) await this.#open(JSON.parse(before) as SeriesLayout).series.forget()
      if (before !== text) await this.#records.writeLayout(table, text)
      if (JSON.stringify(this.#tables.get(table)?.series.layout) !== text) this.#tables.set(table, this.#open(layout))
    }
  }

  async progress(): Promise<Record<string, Progress>> {
    const records = await this.#records.read()
    return Object.fromEntries([...records].flatMap(([table, { progress }]) => (progress ? [[table, progress]] : [])))
  }

  apply(batch: ChangeBatch): Promise<ApplyOutcome> {
    return this.#inTurn(batch.table, async () => (await this.#table(batch.table)).series.apply(batch))
  }

  async forget(table: string): Promise<void> {
    await this.#inTurn(table, async () => (await this.#known(table))?.series.forget())
  }

  async refusals(table: string, after: string | undefined, limit: number): Promise<Refusal[]> {
    const found: Refusal[] = []
    const { series } = await this.#table(table)
    await series.refusals((refusal) => {
      if (after === undefined || byUtf8(refusal.identity, after) > 0) found.push(refusal)
    })
    return found.sort((a, b) => byUtf8(a.identity, b.identity)).slice(0, limit)
  }

  async inventory(table: string, after: string | undefined, limit: number): Promise<InventoryRow[]> {
    const { inventory } = await this.#table(table)
    return inventory.page(after, limit, (await this.#records.read(table)).get(table)?.progress)
  }

  async ask(name: string, parameters: Readonly<Record<string, string>>, limit: number): Promise<Answer> {
    const asked = windowSum(name, parameters, this.#now())
    const columns = questions.find((question) => question.name === name)?.columns ?? []
    const layout = (await this.#known(asked.table))?.series.layout
    const where = layout ?? { measurement: asked.table, table: asked.table }
    const query = windowSumQuery(this.#connection.bucket, where, asked, limit)
    const rows = layout && holdsAny(asked) ? await askWindowSum(this.#connection, query, asked) : []
    return { query: query.toString(), columns, rows }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#turns.values())
  }

  #open(layout: SeriesLayout): OpenTable {
    return {
      series: new SeriesTable(this.#connection, this.#records, layout),
      inventory: new PointInventory(this.#connection, layout),
    }
  }

  async #table(table: string): Promise<OpenTable> {
    const open = await this.#known(table)
    if (!open)
      throw new StoreError('failed', `table ${table} is not known to the time series store: call prepare first`)
    return open
  }

  /** Of a table that this process has not prepared, another may have: its points lie as the bucket says now. */
  async #known(table: string): Promise<OpenTable | undefined> {
    const prepared = this.#tables.get(table)
    if (prepared) return prepared
    const layout = (await this.#records.read(table)).get(table)?.layout
    if (layout === undefined) return undefined
    const before = this.#found.get(table)
    if (JSON.stringify(before?.series.layout) === layout) return before
    const found = this.#open(JSON.parse(layout) as SeriesLayout)
    this.#found.set(table, found)
    return found
  }

  /** Changes of a table one after the other. */
  #inTurn<T>(table: string, work: () => Promise<T>): Promise<T> {
    const done = (this.#turns.get(table) ?? Promise.resolve()).then(work)
    this.#turns.set(
      table,
      done.catch(() => undefined),
    )
    return done
  }
}

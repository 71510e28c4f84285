import { flux, fluxExpression } from '@influxdata/influxdb-client'
import type { InventoryRow, Progress } from '@sluice/store/store'
import { byUtf8 } from '../utf8-order.ts'
import type { InfluxConnection } from './influx-connection.ts'
import { EVENT_FIELD, type SeriesLayout } from './series-layout.ts'
import { EVERYTHING, fieldValues } from './series-query.ts'
import { decodedText } from './text-encoding.ts'

/** Rows that one reading of a table keeps for the next pages. */
const KEPT_ROWS = 200_000

/**
 * Pages of a table's identities in order. InfluxDB has no order but time's, so each reading goes through all ids and
 * keeps the first ones after `after`; the pages that follow are served from them while the progress stands still.
 */
export class PointInventory {
  readonly #connection: InfluxConnection
  readonly #layout: SeriesLayout
  #kept:
    | { rows: InventoryRow[]; from: number; last: string | undefined; complete: boolean; progress: string }
    | undefined

  constructor(connection: InfluxConnection, layout: SeriesLayout) {
    this.#connection = connection
    this.#layout = layout
  }

  async page(after: string | undefined, limit: number, progress: Progress | undefined): Promise<InventoryRow[]> {
    const now = JSON.stringify(progress ?? null)
    const kept = this.#kept
    const fits = kept && after !== undefined && kept.last === after && kept.progress === now
    const enough = fits && (kept.complete || kept.rows.length - kept.from >= limit)
    const pages = enough ? kept : { ...(await this.#read(after, Math.max(limit, KEPT_ROWS))), from: 0, progress: now }
    const rows = pages.rows.slice(pages.from, pages.from + limit)
    const done = rows.length < limit
    this.#kept = done ? undefined : { ...pages, from: pages.from + limit, last: rows.at(-1)?.identity }
    return rows
  }

  async #read(after: string | undefined, most: number): Promise<{ rows: InventoryRow[]; complete: boolean }> {
    let rows: InventoryRow[] = []
    let bound: string | undefined
    let complete = true
    const cut = () => {
      rows.sort((a, b) => byUtf8(a.identity, b.identity))
      if (rows.length <= most) return
      rows = rows.slice(0, most)
      bound = rows.at(-1)?.identity
      complete = false
    }
    await this.#rows((row) => {
      if (after !== undefined && byUtf8(row.identity, after) <= 0) return
      if (bound !== undefined && byUtf8(row.identity, bound) > 0) return
      rows.push({ identity: copied(row.identity), fingerprint: copied(row.fingerprint) })
      if (rows.length >= 2 * most) cut()
    })
    cut()
    return { rows, complete }
  }

  async #rows(onRow: (row: InventoryRow) => void): Promise<void> {
    const { bucket } = this.#connection
    const { identity_field } = this.#layout
    const text = (value: string) => decodedText(value) ?? ''
    if (identity_field === EVENT_FIELD) {
      await this.#connection.query(fieldValues(bucket, this.#layout, [EVENT_FIELD]), (row) => {
        const identity = text(row('_value'))
        onRow({ identity, fingerprint: identity })
      })
      return
    }
    const query = flux`from(bucket: ${bucket})
  |> ${EVERYTHING}
  |> filter(fn: (r) => r._measurement == ${this.#layout.measurement} and r._table == ${this.#layout.table} and (r._field == ${identity_field} or r._field == ${EVENT_FIELD}))
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> keep(columns: [${identity_field}, ${fluxExpression(`"${EVENT_FIELD}"`)}])`
    await this.#connection.query(query, (row) =>
      onRow({ identity: text(row(identity_field)), fingerprint: text(row(EVENT_FIELD)) }),
    )
  }
}

/** A part of an answer keeps all of the answer in memory. */
const copied = (text: string): string => Buffer.from(text).toString()

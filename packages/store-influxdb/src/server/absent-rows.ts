import { createHash } from 'node:crypto'
import { flux } from '@influxdata/influxdb-client'
import type { InfluxConnection } from './influx-connection.ts'
import { seriesHead, stringText } from './line-protocol.ts'
import { TABLE_TAG } from './series-layout.ts'
import { EVERYTHING } from './series-query.ts'

/** A row that has no point: `deleted`, so that nothing older revives it, or `refused`; `stored` again later. */
export type AbsentRow =
  | { identity: string; stamp: number; state: 'deleted' | 'stored' }
  | { identity: string; stamp: number; state: 'refused'; event_id: string; reason: string }

const ABSENT_MEASUREMENT = 'sluice_absent'
const RECORD_FIELD = 'record'
const SHELF_TAG = 'shelf'

/**
 * Records of rows without a point, one an identity: its place (a shelf in 16, a nanosecond in 52 days of 1970) follows
 * from its hash, 56 bits of it, so that a later record replaces an earlier one.
 */
export class AbsentRows {
  readonly #connection: InfluxConnection
  readonly #table: string

  constructor(connection: InfluxConnection, table: string) {
    this.#connection = connection
    this.#table = table
  }

  async write(rows: readonly AbsentRow[]): Promise<void> {
    const lines = rows.map((row) => {
      const hash = createHash('sha256').update(row.identity).digest()
      const head = seriesHead(ABSENT_MEASUREMENT, [
        [TABLE_TAG, this.#table],
        [SHELF_TAG, (hash.readUInt8(0) >>> 4).toString(16)],
      ])
      return `${head} ${RECORD_FIELD}=${stringText(JSON.stringify(row))} ${hash.readBigUInt64BE(1) >> 12n}`
    })
    const [refused] = await this.#connection.write(lines.length, (i) => lines[i] ?? '')
    if (refused) throw new Error(`a record of ${ABSENT_MEASUREMENT} was refused: ${refused.reason}`)
  }

  async read(onRow: (row: AbsentRow) => void): Promise<void> {
    const query = flux`from(bucket: ${this.#connection.bucket})
  |> ${EVERYTHING}
  |> filter(fn: (r) => r._measurement == ${ABSENT_MEASUREMENT} and r._table == ${this.#table} and r._field == ${RECORD_FIELD})
  |> keep(columns: ["_value"])`
    await this.#connection.query(query, (row) => onRow(JSON.parse(row('_value')) as AbsentRow))
  }

  async forget(): Promise<void> {
    await this.#connection.deleteAll([
      ['_measurement', ABSENT_MEASUREMENT],
      [TABLE_TAG, this.#table],
    ])
  }
}

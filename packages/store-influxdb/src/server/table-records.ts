import { flux } from '@influxdata/influxdb-client'
import type { Progress } from '@sluice/store/store'
import type { InfluxConnection } from './influx-connection.ts'
import { seriesHead, stringText } from './line-protocol.ts'
import { TABLE_TAG } from './series-layout.ts'
import { encodedText } from './text-encoding.ts'

const TABLES_MEASUREMENT = 'sluice_tables'

/** What the bucket says about a table: how its points lie, and how far they are. */
export interface TableRecord {
  /** Text of the layout. */
  layout?: string
  progress?: Progress
}

/** One point a table, at the first instant of 1970; each field is replaced by itself. */
export class TableRecords {
  readonly #connection: InfluxConnection

  constructor(connection: InfluxConnection) {
    this.#connection = connection
  }

  /** All tables, or one. */
  async read(table?: string): Promise<Map<string, TableRecord>> {
    const records = new Map<string, TableRecord>()
    const one = table === undefined ? flux`` : flux` and r._table == ${encodedText(table)}`
    const query = flux`from(bucket: ${this.#connection.bucket})
  |> range(start: time(v: 0), stop: time(v: 1))
  |> filter(fn: (r) => r._measurement == ${TABLES_MEASUREMENT}${one})
  |> keep(columns: ["_table", "_field", "_value"])`
    await this.#connection.query(query, (row) => {
      const name = row(TABLE_TAG)
      const record = records.get(name) ?? {}
      records.set(name, record)
      const value = row('_value')
      if (row('_field') === 'layout') record.layout = value
      else if (value !== '') record.progress = JSON.parse(value) as Progress
    })
    return records
  }

  /** After it, the table has this progress; `undefined`: none. */
  writeProgress(table: string, progress: Progress | undefined): Promise<void> {
    return this.#write(table, 'progress', progress === undefined ? '' : JSON.stringify(progress))
  }

  writeLayout(table: string, layout: string): Promise<void> {
    return this.#write(table, 'layout', layout)
  }

  async #write(table: string, field: string, value: string): Promise<void> {
    const head = seriesHead(TABLES_MEASUREMENT, [[TABLE_TAG, encodedText(table)]])
    const [refused] = await this.#connection.write(1, () => `${head} ${field}=${stringText(value)} 0`)
    if (refused) throw new Error(`a record of ${TABLES_MEASUREMENT} was refused: ${refused.reason}`)
  }
}

import { flux, fluxExpression, type ParameterizedQuery } from '@influxdata/influxdb-client'
import { floorRest } from '../instant.ts'
import type { WindowSum } from '../series-question.ts'
import type { InfluxConnection } from './influx-connection.ts'
import { microsOfText, slotOf } from './place.ts'
import { influxName, type SeriesLayout } from './series-layout.ts'
import { oneOf, rangeText } from './series-query.ts'
import { encodedText } from './text-encoding.ts'

/** Sums by window, in Flux. Summed by series first, which the storage does by itself. */
export function windowSumQuery(
  bucket: string,
  { measurement, table }: Pick<SeriesLayout, 'measurement' | 'table'>,
  { tag, value, field, from, to, window_micros }: WindowSum,
  limit: number,
): ParameterizedQuery {
  const sums = fluxExpression(
    `aggregateWindow(every: ${window_micros / 1_000_000n}s, fn: sum, createEmpty: false, timeSrc: "_start")`,
  )
  return flux`from(bucket: ${bucket})
  |> ${rangeText(from, to)}
  |> filter(fn: (r) => r._measurement == ${measurement} and r._table == ${table} and r._field == ${influxName(field)} and ${oneOf(influxName(tag), [encodedText(value)])})
  |> ${sums}
  |> group()
  |> ${sums}
  |> keep(columns: ["_time", "_value"])
  |> limit(n: ${limit})`
}

export async function askWindowSum(
  connection: InfluxConnection,
  query: ParameterizedQuery,
  { window_micros, column, field, label }: WindowSum,
): Promise<Record<string, string | number>[]> {
  const rows: Record<string, string | number>[] = []
  await connection.query(query, (row) => {
    const micros = microsOfText(slotOf('', row('_time')).micro)
    const sum = Number(row('_value'))
    // The first window begins where the range does.
    rows.push({
      [column]: label(micros - floorRest(micros, window_micros)),
      [field]: Number.isSafeInteger(sum) || row('_value').includes('.') ? sum : row('_value'),
    })
  })
  return rows
}

import { flux, fluxExpression, fluxString, type ParameterizedQuery } from '@influxdata/influxdb-client'
import { nanosOf } from './place.ts'
import { type SeriesLayout, seriesTags, TABLE_TAG } from './series-layout.ts'

/** Nanoseconds of the first and the last instant that InfluxDB takes. */
export const FIRST_NANOS = -9_223_372_036_854_775_806n
export const LAST_NANOS = 9_223_372_036_854_775_806n

/** From (in) to (out) in nanoseconds, within what InfluxDB takes. */
export function rangeText(from: bigint, to: bigint) {
  const time = (nanos: bigint) => {
    const within = nanos < FIRST_NANOS ? FIRST_NANOS : nanos > LAST_NANOS ? LAST_NANOS : nanos
    return `time(v: ${within})`
  }
  return fluxExpression(`range(start: ${time(from)}, stop: ${time(to)})`)
}

export const EVERYTHING = rangeText(FIRST_NANOS, LAST_NANOS)

/** Points of whole microseconds, `first` to `last`, both in. */
export const microsRange = (first: bigint, last: bigint) => rangeText(nanosOf(first, 0), nanosOf(last + 1n, 0))

/** One field's values of a lake table: `filter` narrows them, by Flux over `r`. Columns: _time, _value, _field, tags. */
export function fieldValues(
  bucket: string,
  layout: SeriesLayout,
  fields: readonly string[],
  range = EVERYTHING,
  filter = '',
): ParameterizedQuery {
  const columns = ['_time', '_value', '_field', ...layout.tags].map(quoted).join(', ')
  return flux`from(bucket: ${bucket})
  |> ${range}
  |> filter(fn: (r) => r._measurement == ${layout.measurement} and r.${fluxExpression(TABLE_TAG)} == ${layout.table} and (${oneOf('_field', fields)})${fluxExpression(filter)})
  |> keep(columns: [${fluxExpression(columns)}])`
}

/** `r.column == "a" or r.column == "b"` */
export const oneOf = (column: string, values: readonly string[]) =>
  fluxExpression(values.map((value) => `r[${quoted(column)}] == ${quoted(value)}`).join(' or '))

export const ofSeries = (layout: SeriesLayout, series: string): string =>
  seriesTags(layout, series)
    .map(([tag, value]) => ` and r[${quoted(tag)}] == ${quoted(value)}`)
    .join('')

const quoted = (text: string): string => flux`${fluxString(text)}`.toString()

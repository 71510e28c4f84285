import { flux, fluxExpression, fluxString, type ParameterizedQuery } from '@influxdata/influxdb-client'
import { END_MICROS, FIRST_MICROS, nanosOf } from './place.ts'
import { type SeriesLayout, seriesTags, TABLE_TAG } from './series-layout.ts'

/** From (in) to (out) in microseconds, within what the store takes. */
export function rangeText(from: bigint, to: bigint) {
  const time = (micros: bigint) =>
    `time(v: ${nanosOf(micros < FIRST_MICROS ? FIRST_MICROS : micros > END_MICROS ? END_MICROS : micros, 0)})`
  return fluxExpression(`range(start: ${time(from)}, stop: ${time(to)})`)
}

export const EVERYTHING = rangeText(FIRST_MICROS, END_MICROS)

/** Points of whole microseconds, `first` to `last`, both in. */
export const microsRange = (first: bigint, last: bigint) => rangeText(first, last + 1n)

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

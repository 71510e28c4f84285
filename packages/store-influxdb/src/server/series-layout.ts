import type { Point, SeriesMapping } from '../series.ts'
import { fieldText, seriesHead, stringText } from './line-protocol.ts'
import { encodedText } from './text-encoding.ts'

/**
 * How a lake table lies in a bucket: its event type's measurement, tags and fields, and beside them what tells rows
 * apart. Names of ours begin with an underscore, which no field of a type does.
 */

/** The lake table: two of them may share a measurement. */
export const TABLE_TAG = '_table'
export const EVENT_FIELD = 'event_id'
/** The key of a keyed table's row; a plain table's identity is its event_id. */
export const KEY_FIELD = '_identity'
/** Which version of which table wrote the point (see `stamp`). */
export const VERSION_FIELD = '_version'

export interface SeriesLayout {
  table: string
  measurement: string
  /** Tag names in the mapping's order. */
  tags: readonly string[]
  mapping: SeriesMapping
  identity_field: string
}

/** A row that becomes a point. */
export interface PointRow {
  identity: string
  event_id: string
  /** See `stamp`. */
  stamp: number
  micros: bigint
  /** Its fields in line protocol. */
  fields: string
}

export function seriesLayout(table: string, keyed: boolean, mapping: SeriesMapping): SeriesLayout {
  const encoded = encodedText(mapping.measurement)
  return {
    table,
    measurement: encoded.startsWith('sluice_') ? `%0073${encoded.slice(1)}` : encoded,
    tags: mapping.tags.map(influxName),
    mapping,
    identity_field: keyed ? KEY_FIELD : EVENT_FIELD,
  }
}

/** The encoded tags of a point, joined: the name of its series within the table. */
export const seriesOf = (tags: readonly (string | null)[]): string => tags.map(encodedText).join('\n')

/** The column and its value for each tag of a series, the table's own first. */
export function seriesTags(layout: SeriesLayout, series: string): [string, string][] {
  const values = series.split('\n')
  return [[TABLE_TAG, layout.table], ...layout.tags.map((tag, i): [string, string] => [tag, values[i] ?? ''])]
}

export const headOf = (layout: SeriesLayout, series: string): string =>
  seriesHead(layout.measurement, seriesTags(layout, series))

/** The fields of a point in line protocol, or why InfluxDB would not give one back as it is. */
export function fieldsOf(
  layout: SeriesLayout,
  row: Pick<PointRow, 'identity' | 'event_id' | 'stamp'>,
  values: Point['fields'],
): { text: string } | { reason: string } {
  const keyed = layout.identity_field === KEY_FIELD
  let text = `${EVENT_FIELD}=${stringText(encodedText(row.event_id))},${VERSION_FIELD}=${row.stamp}i`
  if (keyed) text += `,${KEY_FIELD}=${stringText(encodedText(row.identity))}`
  for (const [i, { name, kind }] of layout.mapping.fields.entries()) {
    const value = fieldText(kind, values[i] ?? null)
    if (typeof value === 'object') return { reason: `${name}: ${value.reason}` }
    if (value !== undefined) text += `,${influxName(name)}=${value}`
  }
  return { text }
}

/** `time` is InfluxDB's own. */
export const influxName = (name: string): string => (name === 'time' ? '_time_value' : name)

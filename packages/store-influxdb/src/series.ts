import type { FieldKind } from '@sluice/events'
import { type Row, type StoredTable, StoreError } from '@sluice/store/store'
import { microsOf } from './instant.ts'

/** A text that is a tag or a field has at most so many UTF-8 bytes: InfluxDB's own limit of a string field is 65,535. */
export const TEXT_LIMIT_BYTES = 60_000

/** How rows of a lake table become points: one series a combination of tags, one point a row. */
export interface SeriesMapping {
  measurement: string
  tags: readonly string[]
  fields: readonly { name: string; kind: FieldKind['kind'] }[]
  time: string
}

export type PointValue = string | number | boolean | null

/** A row as a point. `tags` and `fields` are in the mapping's order. */
export interface Point {
  micros: bigint
  tags: readonly (string | null)[]
  fields: readonly PointValue[]
}

/** @throws StoreError `failed` for a table whose type has no place in a time series store */
export function seriesMapping({ type, table }: StoredTable): SeriesMapping {
  const influxdb = type.stores.influxdb
  if (!influxdb || type.table !== table)
    throw new StoreError('failed', `table ${table} has no influxdb mapping in its event type: do not route it there`)
  const { measurement, tags, time } = influxdb
  const fields = influxdb.fields.map((name) => ({ name, kind: type.fields[name]?.kind ?? 'string' }))
  return { measurement, tags, fields, time }
}

/** A row as a point, or why it cannot be one. A row without the mapping's time is placed where it was received. */
export function pointOf(mapping: SeriesMapping, row: Row): { point: Point } | { reason: string } {
  const time = row[mapping.time] ?? row['received_at']
  const micros = typeof time === 'string' ? microsOf(time) : undefined
  if (micros === undefined) return { reason: `a point needs a time; ${mapping.time} is ${shortened(time)}` }
  const tags: (string | null)[] = []
  for (const name of mapping.tags) {
    const value = row[name] ?? null
    const reason = tooLong(name, value)
    if (reason) return { reason }
    tags.push(value === null ? null : String(value))
  }
  const fields: PointValue[] = []
  for (const { name } of mapping.fields) {
    const value = row[name] ?? null
    if (typeof value === 'object' && value !== null) return { reason: `a point has no lists; ${name} is one` }
    const reason = tooLong(name, value)
    if (reason) return { reason }
    fields.push(value)
  }
  return { point: { micros, tags, fields } }
}

function tooLong(name: string, value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length * 3 <= TEXT_LIMIT_BYTES) return undefined
  const bytes = Buffer.byteLength(value)
  return bytes <= TEXT_LIMIT_BYTES
    ? undefined
    : `a tag or field has at most ${TEXT_LIMIT_BYTES} bytes, ${name} has ${bytes}`
}

const shortened = (value: unknown): string => (JSON.stringify(value) ?? 'absent').slice(0, 100)

import type { FieldKind } from '@sluice/events'
import type { PointValue } from '../series.ts'

/** Line protocol: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/ */

/** `measurement,tag=value,…`: what all points of a series begin with. Tags sorted by name are the cheapest to take in. */
export function seriesHead(measurement: string, tags: readonly (readonly [name: string, value: string])[]): string {
  const sorted = [...tags].sort(([a], [b]) => (a < b ? -1 : 1))
  return [
    measurement.replace(/[, ]/g, '\\$&'),
    ...sorted.map(([name, value]) => `${separated(name)}=${separated(value)}`),
  ].join(',')
}

/** A field's value, `undefined` for none, or why InfluxDB would not give it back as it is. */
export function fieldText(kind: FieldKind['kind'], value: PointValue): string | undefined | { reason: string } {
  if (value === null) return undefined
  switch (kind) {
    case 'int':
    case 'long':
      return integerText(value)
    case 'float':
    case 'double':
      return Number.isFinite(Number(value))
        ? String(Number(value))
        : { reason: `a field is a finite number, got ${value}` }
    case 'decimal':
      return decimalText(String(value))
    case 'boolean':
      return value === true || value === 1 ? 'true' : 'false'
    default:
      return stringText(String(value))
  }
}

export const stringText = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

const separated = (text: string): string => text.replace(/[,= ]/g, '\\$&')

function integerText(value: PointValue): string | { reason: string } {
  const integer = typeof value === 'boolean' ? BigInt(value) : BigInt(value ?? 0)
  return integer === BigInt.asIntN(64, integer)
    ? `${integer}i`
    : { reason: `a field has at most 64 bits, got ${value}` }
}

/** InfluxDB has no decimals: one that a 64-bit float would change is not written. */
function decimalText(text: string): string | { reason: string } {
  const float = Number(text)
  const digits = /\.(\d+)$/.exec(text)?.[1]?.length ?? 0
  return digits <= 100 && float.toFixed(digits) === text
    ? text
    : { reason: `InfluxDB keeps decimals as 64-bit floats, which cannot hold ${text}` }
}

import {
  DuckDBArrayValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBUnionValue,
  type DuckDBValue,
} from '@duckdb/node-api'

export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue }

/**
 * A value of a result as JSON: instants are RFC 3339 in UTC ending in Z, days YYYY-MM-DD, integers beyond 2^53 and
 * decimals strings, all other numbers numbers, whatever SQL's type of a sum; what JSON has no number for (NaN,
 * infinities) is a string; binary values are base64.
 * @param single whether its numbers are of single precision: these have as few digits as tell them apart (3.2)
 */
export function jsonValue(value: DuckDBValue, single = false): JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? (single ? shortest(value) : value) : String(value)
  if (typeof value === 'bigint') return jsonInteger(value)
  if (value instanceof DuckDBTimestampTZValue || value instanceof DuckDBTimestampValue) return instantOf(value.micros)
  if (value instanceof DuckDBTimestampMillisecondsValue) return instantOf(value.millis * 1000n)
  if (value instanceof DuckDBTimestampSecondsValue) return instantOf(value.seconds * 1_000_000n)
  if (value instanceof DuckDBTimestampNanosecondsValue) return instantOf(value.nanos / 1000n)
  if (value instanceof DuckDBDateValue) return value.toString()
  if (value instanceof DuckDBDecimalValue) return value.toString()
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue)
    return value.items.map((item) => jsonValue(item, single))
  if (value instanceof DuckDBStructValue) return objectOf(Object.entries(value.entries), single)
  if (value instanceof DuckDBMapValue)
    return value.entries.map(({ key, value: item }) => ({
      key: jsonValue(key, single),
      value: jsonValue(item, single),
    }))
  if (value instanceof DuckDBUnionValue) return objectOf([[value.tag, value.value]], single)
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('base64')
  return String(value)
}

/** A whole number in JSON: beyond 2^53, where a number would lose digits, a string. */
export type JsonInteger = number | string

export function jsonInteger(value: bigint): JsonInteger {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value.toString()
}

function objectOf(entries: [string, DuckDBValue][], single: boolean): JsonValue {
  return Object.fromEntries(entries.map(([name, item]) => [name, jsonValue(item, single)]))
}

/** Whether values of a SQL type are of single precision. */
export const isSingle = (type: string): boolean => /\bFLOAT\b/.test(type) && !/\bDOUBLE\b/.test(type)

const MOST_DIGITS = 9

/** Nine digits tell any two numbers of single precision apart; most need fewer. */
function shortest(value: number): number {
  if (Number.isInteger(value)) return value
  for (let digits = 6; digits < MOST_DIGITS; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return Number(value.toPrecision(MOST_DIGITS))
}

const MICROS_PER_MS = 1000n

/** RFC 3339 in UTC; as many digits below the second as the value needs: none, three or six. */
function instantOf(micros: bigint): string {
  const ms = micros / MICROS_PER_MS - (micros % MICROS_PER_MS < 0n ? 1n : 0n)
  const rest = micros - ms * MICROS_PER_MS
  const date = new Date(Number(ms))
  if (Number.isNaN(date.getTime())) return micros > 0n ? 'infinity' : '-infinity'
  const text = date.toISOString()
  if (rest !== 0n) return text.replace('Z', `${rest.toString().padStart(3, '0')}Z`)
  return text.endsWith('.000Z') ? text.replace('.000Z', 'Z') : text
}

import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBValue,
} from '@duckdb/node-api'

/** A value as plain data, ready for JSON. */
export type PlainValue = string | number | boolean | null | PlainValue[] | { [name: string]: PlainValue }

/** How 64-bit integers come: `text` always as strings, `safe` as numbers up to 2^53 and as strings beyond. */
export type Longs = 'text' | 'safe'

/**
 * Decimals, and integers as `longs` says, become strings; instants RFC 3339 in UTC with microseconds; days YYYY-MM-DD;
 * blobs base64; lists arrays; structs objects; maps arrays of `{key, value}`; everything else DuckDB's own text.
 */
export function plainValue(value: DuckDBValue, longs: Longs): PlainValue {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value
  if (typeof value === 'bigint') return longs === 'safe' && isSafe(value) ? Number(value) : value.toString()
  if (value instanceof DuckDBTimestampTZValue || value instanceof DuckDBTimestampValue) return instantText(value.micros)
  if (value instanceof DuckDBListValue) return value.items.map((item) => plainValue(item, longs))
  if (value instanceof DuckDBStructValue)
    return Object.fromEntries(Object.entries(value.entries).map(([name, member]) => [name, plainValue(member, longs)]))
  if (value instanceof DuckDBMapValue)
    return value.entries.map(({ key, value: member }) => ({
      key: plainValue(key, longs),
      value: plainValue(member, longs),
    }))
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('base64')
  if (value instanceof DuckDBDecimalValue || value instanceof DuckDBDateValue) return value.toString()
  return value.toString()
}

/** RFC 3339 in UTC with six digits of a second. Beyond the years 0 to 9999: ISO 8601 with a sign; `infinity` as it is. */
export function instantText(micros: bigint): string {
  if (micros === INFINITE || micros === -INFINITE) return micros > 0n ? 'infinity' : '-infinity'
  const since = Number(micros)
  if (!Number.isSafeInteger(since)) return bigInstantText(micros)
  const day = Math.floor(since / DAY_US)
  const us = since - day * DAY_US
  const seconds = Math.floor(us / 1_000_000)
  const fraction = String(us - seconds * 1_000_000).padStart(6, '0')
  return `${dayText(day)}T${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}.${fraction}Z`
}

const DAY_US = 86_400_000_000

let recent = { day: 0, text: '1970-01-01' }

/** Rows that follow each other are mostly of one day. */
function dayText(day: number): string {
  if (recent.day !== day) recent = { day, text: new Date(day * 86_400_000).toISOString().replace(/T.*/, '') }
  return recent.text
}

const two = (value: number) => (value < 10 ? `0${Math.trunc(value)}` : String(Math.trunc(value)))

const INFINITE = 2n ** 63n - 1n

function bigInstantText(micros: bigint): string {
  const rest = ((micros % 1000n) + 1000n) % 1000n
  const date = new Date(Number((micros - rest) / 1000n))
  if (Number.isNaN(date.getTime())) return `${micros}us`
  return `${date.toISOString().slice(0, -1)}${rest.toString().padStart(3, '0')}Z`
}

const isSafe = (value: bigint) => value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER

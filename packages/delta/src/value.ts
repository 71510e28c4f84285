/**
 * A value of a column, by its Delta type: byte, short, integer, float and double are numbers; long is a bigint; decimal
 * is text with all its digits (`12.50`); date is `YYYY-MM-DD`; timestamp and timestamp_ntz are bigints, microseconds
 * since 1970-01-01 (in UTC, respectively on the wall); binary is bytes; arrays are arrays, structs and maps objects. Keys of
 * maps that are no text: the text of their value, bytes in hexadecimal, structs and arrays as JSON.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [member: string]: Value }

const DAY_MS = 86_400_000

/** As many days as JavaScript's dates reach from 1970, and a span after which the calendar repeats. */
const DATE_DAYS = 100_000_000
const CYCLE_DAYS = 146_097
const CYCLE_YEARS = 400

/**
 * Days since 1970-01-01 as `YYYY-MM-DD`, in the proleptic Gregorian calendar; years beyond 0 to 9999 with a sign and six
 * digits or more.
 */
export function dateText(days: number): string {
  if (Math.abs(days) > DATE_DAYS) return farDateText(days)
  const iso = new Date(days * DAY_MS).toISOString()
  return iso.slice(0, iso.indexOf('T'))
}

function farDateText(days: number): string {
  const cycles = Math.trunc(days / CYCLE_DAYS)
  const near = new Date((days - cycles * CYCLE_DAYS) * DAY_MS)
  const year = near.getUTCFullYear() + cycles * CYCLE_YEARS
  const sign = year < 0 ? '-' : '+'
  return `${sign}${String(Math.abs(year)).padStart(6, '0')}${near.toISOString().slice(4, 10)}`
}

/** Microseconds since 1970-01-01 of a date and time; `undefined` if the text is none. Without a zone: as it stands. */
export function microsecondsOf(text: string): bigint | undefined {
  const match =
    /^([+-]?\d{4,6})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?$/i.exec(
      text.trim(),
    )
  if (!match) return undefined
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone] = match
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  date.setUTCHours(Number(hour), Number(minute), Number(second))
  const valid =
    date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day) && date.getUTCHours() === Number(hour)
  if (!valid || Number(minute) > 59 || Number(second) > 59) return undefined
  return BigInt(date.getTime()) * 1_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6)) - zoneOffset(zone)
}

/** An unscaled decimal as text: 1250n with scale 2 is `12.50`. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale <= 0) return (unscaled * 10n ** BigInt(-scale)).toString()
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** Text of a decimal at a scale, without loss; `undefined` if it is no number or does not fit. */
export function unscaledOf(text: string, scale: number): bigint | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text.trim())
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match ?? []
  if (!match || whole + fraction === '') return undefined
  const shift = scale - fraction.length + Number(exponent)
  const digits = BigInt(whole + fraction)
  const divisor = shift < 0 ? 10n ** BigInt(-shift) : 1n
  if (digits % divisor !== 0n) return undefined
  const value = shift < 0 ? digits / divisor : digits * 10n ** BigInt(shift)
  return sign === '-' ? -value : value
}

function zoneOffset(zone: string | undefined): bigint {
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone ?? '')
  if (!match) return 0n
  const minutes = BigInt(Number(match[2]) * 60 + Number(match[3] ?? 0))
  return (match[1] === '-' ? -minutes : minutes) * 60_000_000n
}

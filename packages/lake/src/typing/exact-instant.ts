const FORM = /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))?)?$/
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z')
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * An RFC 3339 stamp in microseconds since the epoch. Without zone it is UTC, a date alone is midnight UTC, digits beyond
 * microseconds are cut. `undefined` for anything else, days and hours that do not exist, leap seconds, and years outside
 * 1 to 9999 in UTC.
 */
export function exactInstant(text: string): bigint | undefined {
  const match = FORM.exec(text)
  if (!match) return undefined
  const [
    ,
    year,
    month,
    day,
    hour = '00',
    minute = '00',
    second = '00',
    fraction = '',
    sign,
    offsetHour = '00',
    offsetMinute = '00',
  ] = match
  if (!(hour < '24' && minute < '60' && second < '60' && offsetHour < '24' && offsetMinute < '60')) return undefined
  const local = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  // Date makes the first of March of a 29th of February that there is not.
  if (Number.isNaN(local.getTime()) || local.getUTCDate() !== Number(day)) return undefined
  const offset_ms = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000 * (sign === '-' ? -1 : 1)
  const ms = local.getTime() - offset_ms
  if (ms < FIRST_MS || ms > LAST_MS) return undefined
  return BigInt(ms) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'))
}

export const MICROS_OF_MINUTE = 60_000_000n
export const MICROS_OF_DAY = 86_400_000_000n

/** A day, or an instant to the microsecond: no zone means UTC, digits beyond are cut. */
const INSTANT = /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d+))?)?([Zz]|[+-]\d{2}:\d{2})?)?$/

/** Microseconds since 1970 of a day's first moment in UTC or an instant of RFC 3339; `undefined` if it is neither. */
export function microsOf(text: string): bigint | undefined {
  const [, day, minute = '00:00', second = '00', fraction = '', zone = 'Z'] = INSTANT.exec(text) ?? []
  if (day === undefined) return undefined
  const millis = Date.parse(`${day}T${minute}:${second}${zone.toUpperCase()}`)
  if (Number.isNaN(millis)) return undefined
  return BigInt(millis) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'))
}

/** RFC 3339 in UTC with microseconds. */
export function instantOfMicros(micros: bigint): string {
  const plain = Number(micros)
  if (Number.isSafeInteger(plain)) {
    const millis = Math.floor(plain / 1000)
    return `${new Date(millis).toISOString().slice(0, -1)}${String(plain - millis * 1000).padStart(3, '0')}Z`
  }
  const rest = ((micros % 1000n) + 1000n) % 1000n
  const millis = new Date(Number((micros - rest) / 1000n)).toISOString()
  return `${millis.slice(0, -1)}${String(rest).padStart(3, '0')}Z`
}

export const startOfDay = (micros: bigint): bigint => micros - floorRest(micros, MICROS_OF_DAY)

/** The remainder that is never negative. */
export const floorRest = (value: bigint, divisor: bigint): bigint => ((value % divisor) + divisor) % divisor

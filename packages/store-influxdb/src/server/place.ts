import { instantOfMicros } from '../instant.ts'

/** Points of one series and microsecond that are told apart, by the nanoseconds below. */
export const RANKS = 1000
/**
 * InfluxDB's times are nanoseconds in 64 bits, from 1677-09-21 to 2262-04-11. Summing by windows does not end where a
 * window would reach beyond, so whole days are left free at both ends.
 */
export const FIRST_MICROS = BigInt(Date.UTC(1677, 8, 23)) * 1000n
export const END_MICROS = BigInt(Date.UTC(2262, 3, 10)) * 1000n

/** Where the points of one microsecond of a series stand. `micro` is RFC 3339 without the Z, six places: `2025-10-02T21:15:00.000000`. */
export interface Place {
  /** The encoded tags, joined by line breaks. */
  series: string
  micro: string
}

/** One point's own place: `rank` is its nanoseconds below the microsecond. */
export interface Slot extends Place {
  rank: number
}

export const placeKey = ({ series, micro }: Place): string => `${series}\n${micro}`
export const slotKey = ({ series, micro, rank }: Slot): string => `${series}\n${micro}${rankText(rank)}`

/** RFC 3339 with nanoseconds. */
export const slotInstant = ({ micro, rank }: Slot): string => `${micro}${rankText(rank)}Z`

export const microText = (micros: bigint): string => instantOfMicros(micros).slice(0, -1)

export const nanosOf = (micros: bigint, rank: number): bigint => micros * 1000n + BigInt(rank)

/** The same as text, quicker for what lies after 1970. */
export const nanosText = (micros: bigint, rank: number): string =>
  micros > 0n ? `${micros}${rankText(rank)}` : String(nanosOf(micros, rank))

/** Flux writes as many places as an instant needs, none for a whole second. */
export function slotOf(series: string, instant: string): Slot {
  const fraction = instant.slice(20, -1).padEnd(9, '0')
  return { series, micro: `${instant.slice(0, 19)}.${fraction.slice(0, 6)}`, rank: Number(fraction.slice(6)) }
}

/** The rank that a row's point has if nothing else is there: from its identity's hash, so that every replay finds the same. */
export const homeRank = (identityHash: number): number => (identityHash >>> 0) % RANKS

/** Microseconds of a `micro`. */
export function microsOfText(micro: string): bigint {
  return BigInt(Date.parse(`${micro.slice(0, 23)}Z`)) * 1000n + BigInt(micro.slice(23))
}

const rankText = (rank: number): string => String(rank).padStart(3, '0')

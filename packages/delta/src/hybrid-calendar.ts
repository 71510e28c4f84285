import type { FileMetaData, SchemaElement } from 'hyparquet'
import { DeltaError } from './delta-error.ts'

/** Days before 1582-10-15, where the Gregorian calendar begins, and microseconds before 1900, from when on zones agree. */
export const FIRST_DAY = -141_427
export const FIRST_MICROS = -2_208_988_800_000_000n

/** Which columns of a file count ancient days by the Julian calendar. */
export interface HybridCalendar {
  dates: boolean
  int96: boolean
}

/**
 * What Spark says of a file that it wrote: before 3.0 (INT96: before 3.1), and later if told to, it counted days before
 * 1582 by the Julian calendar, which Delta's types do not (keys `org.apache.spark.*` of the file's metadata).
 */
export function hybridCalendar({ key_value_metadata = [] }: FileMetaData): HybridCalendar {
  const about = new Map(key_value_metadata.map(({ key, value }) => [key, value ?? '']))
  const version = /^(\d+)\.(\d+)/.exec(about.get('org.apache.spark.version') ?? '')
  const before = (minor: number) =>
    version !== null && (Number(version[1]) < 3 || (version[1] === '3' && Number(version[2]) < minor))
  return {
    dates: before(0) || about.has('org.apache.spark.legacyDateTime'),
    int96: before(1) || about.has('org.apache.spark.legacyINT96'),
  }
}

/**
 * Lets values of a column through that are the same day in both calendars; throws `unsupported_feature` for others.
 * @param at file and column, for the message
 */
export function sameInBoth(
  { dates, int96 }: HybridCalendar,
  { type }: SchemaElement,
  kind: 'date' | 'instant',
  at: string,
): ((raw: unknown) => unknown) | undefined {
  if (!(type === 'INT96' ? int96 : dates)) return undefined
  const ancient = (raw: unknown) => (kind === 'date' ? Number(raw) < FIRST_DAY : (raw as bigint) < FIRST_MICROS)
  return (raw) => {
    if (!ancient(raw)) return raw
    throw julian(at, kind)
  }
}

export const julian = (at: string, kind: 'date' | 'instant') =>
  new DeltaError(
    'unsupported_feature',
    `${at}: has ${kind === 'date' ? 'days before 1582' : 'instants before 1900'} in the Julian calendar of Spark before 3.0, which is not supported; rewrite the file with spark.sql.parquet.datetimeRebaseModeInWrite=CORRECTED`,
    { feature: 'Julian calendar' },
  )

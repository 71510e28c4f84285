import type { DataType } from '@sluice/delta'
import { identifier } from '../duckdb/sql-text.ts'
import type { Column } from './column-type.ts'

/** What DuckDB's `COPY … (RETURN_STATS)` says of one column of a file, as texts. */
export type CopiedStatistics = ReadonlyMap<string, string>

/** Strings in statistics are cut to this many characters: long enough for a UUID with a prefix. */
const PREFIX_CHARACTERS = 48
/** Spark cuts to this many; a maximum of just this length would be taken for a cut one. */
const SUSPECT_CHARACTERS = 32

/**
 * Delta's statistics of a file (PROTOCOL.md, Per-file Statistics) as JSON text, written digit by digit because 64-bit
 * integers and decimals do not fit a JavaScript number. Bounds are always valid: a cut maximum is rounded up, instants
 * are rounded outwards to milliseconds, and a bound that cannot be said exactly (NaN, infinite, out of range) is left out.
 */
export function statisticsText(
  rows: number,
  columns: readonly Column[],
  copied: ReadonlyMap<string, CopiedStatistics>,
): string {
  const min: string[] = []
  const max: string[] = []
  const nulls: string[] = []
  for (const { name, type } of columns) {
    const column = typeof type === 'string' ? copied.get(identifier(name)) : undefined
    if (!column) continue
    const key = JSON.stringify(name)
    const nullCount = column.get('null_count')
    if (nullCount !== undefined) nulls.push(`${key}:${nullCount}`)
    const bounds = boundsOf(type, column)
    if (!bounds) continue
    min.push(`${key}:${bounds[0]}`)
    max.push(`${key}:${bounds[1]}`)
  }
  return `{"numRecords":${rows},"minValues":{${min.join(',')}},"maxValues":{${max.join(',')}},"nullCount":{${nulls.join(',')}}}`
}

function boundsOf(type: DataType, column: CopiedStatistics): [string, string] | undefined {
  const min = column.get('min')
  const max = column.get('max')
  if (min === undefined || max === undefined || column.get('has_nan') === 'true' || typeof type !== 'string') return
  if (type === 'string') return stringBounds(min, max)
  if (type === 'timestamp') return pair(instantBound(min, 0), instantBound(max, 999))
  if (type === 'date') return pair(dayBound(min), dayBound(max))
  if (type === 'float' || type === 'double') return pair(floatBound(min, '-0.0'), floatBound(max, '0.0'))
  if (type === 'long' || type === 'integer' || type === 'short' || type === 'byte' || type.startsWith('decimal('))
    return pair(numberBound(min), numberBound(max))
  return undefined
}

const pair = (min: string | undefined, max: string | undefined): [string, string] | undefined =>
  min === undefined || max === undefined ? undefined : [min, max]

const numberBound = (text: string) => (/^-?\d+(\.\d+)?$/.test(text) ? text : undefined)

const dayBound = (text: string) => (/^\d{4}-\d\d-\d\d$/.test(text) ? JSON.stringify(text) : undefined)

/** Zero has two signs and DuckDB takes either; readers may not. */
function floatBound(text: string, zero: string): string | undefined {
  const value = Number(text)
  if (!Number.isFinite(value)) return undefined
  return value === 0 ? zero : JSON.stringify(value)
}

/** Rounded down to a millisecond after adding `up_us`. */
function instantBound(text: string, up_us: number): string | undefined {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00(?::00)?$/.exec(text)
  if (!match) return undefined
  const micros = Number((match[3] ?? '').padEnd(6, '0')) + up_us
  const ms = Date.parse(`${match[1]}T${match[2]}Z`) + Math.floor(micros / 1000)
  const bound = new Date(ms).toISOString()
  return bound.length === 24 ? JSON.stringify(bound) : undefined
}

function stringBounds(min: string, max: string): [string, string] | undefined {
  const upper = upperBound(max)
  if (upper === undefined) return undefined
  return [JSON.stringify([...min].slice(0, PREFIX_CHARACTERS).join('')), JSON.stringify(upper)]
}

/**
 * The text itself if it is short, else the least text of 48 characters that is greater, by UTF-8 bytes. A text of 32
 * characters gets a NUL behind it, so that it is not taken for one cut by another writer.
 */
export function upperBound(text: string): string | undefined {
  const characters = [...text]
  if (characters.length === SUSPECT_CHARACTERS) return `${text}\0`
  if (characters.length <= PREFIX_CHARACTERS) return text
  const prefix = characters.slice(0, PREFIX_CHARACTERS)
  for (let last = prefix.pop(); last !== undefined; last = prefix.pop()) {
    const next = (last.codePointAt(0) ?? 0) + 1
    if (next <= 0x10ffff) return prefix.join('') + String.fromCodePoint(next === 0xd800 ? 0xe000 : next)
  }
  return undefined
}

import type { AddFile } from './actions.ts'
import { DeltaError } from './delta-error.ts'
import { type DataType, decimalOf } from './schema.ts'
import { dateText, decimalText, microsecondsOf, unscaledOf, type Value } from './value.ts'

const RANGES: Record<string, readonly [bigint, bigint]> = {
  byte: [-(2n ** 7n), 2n ** 7n],
  short: [-(2n ** 15n), 2n ** 15n],
  integer: [-(2n ** 31n), 2n ** 31n],
  long: [-(2n ** 63n), 2n ** 63n],
}

/**
 * The value of a partition column for all rows of a file (PROTOCOL.md, Partition Value Serialization). Instants without
 * a zone are read as UTC. `column` is the physical name. Throws `invalid_log` if the file has none or an unfit one.
 */
export function partitionValue(file: Pick<AddFile, 'path' | 'partitionValues'>, column: string, type: DataType): Value {
  if (!Object.hasOwn(file.partitionValues, column))
    throw new DeltaError(
      'invalid_log',
      `file ${file.path.slice(0, 200)} should have a value for partition column ${column}`,
    )
  const text = file.partitionValues[column] ?? ''
  const value = parsePartitionValue(text, type)
  if (value === undefined)
    throw new DeltaError(
      'invalid_log',
      `file ${file.path.slice(0, 200)}: partition column ${column} should be ${JSON.stringify(type)} and is ${JSON.stringify(text.slice(0, 60))}`,
    )
  return value
}

/** `undefined` if the text is no value of the type; the empty string is null for every type. */
export function parsePartitionValue(text: string, type: DataType): Value | undefined {
  if (text === '') return null
  const range = typeof type === 'string' ? RANGES[type] : undefined
  if (range) {
    if (!/^[+-]?\d{1,20}$/.test(text)) return undefined
    const value = BigInt(text.replace('+', ''))
    if (value < range[0] || value >= range[1]) return undefined
    return type === 'long' ? value : Number(value)
  }
  const decimal = decimalOf(type)
  if (decimal) {
    const unscaled = unscaledOf(text, decimal.scale)
    return unscaled === undefined ? undefined : decimalText(unscaled, decimal.scale)
  }
  switch (type) {
    case 'string':
      return text
    case 'boolean':
      return /^true$/i.test(text) ? true : /^false$/i.test(text) ? false : undefined
    case 'float':
    case 'double':
      return floatOf(text, type)
    case 'date':
      return dateOf(text)
    case 'timestamp':
    case 'timestamp_ntz':
      return microsecondsOf(text)
    case 'binary':
      return binaryOf(text)
    default:
      return undefined
  }
}

function dateOf(text: string): string | undefined {
  // Some writers put the midnight of the day.
  const micros = microsecondsOf(text)
  return micros === undefined || micros % 86_400_000_000n !== 0n
    ? undefined
    : dateText(Number(micros / 86_400_000_000n))
}

function floatOf(text: string, type: 'float' | 'double'): number | undefined {
  const named = { nan: Number.NaN, infinity: Infinity, '-infinity': -Infinity, inf: Infinity, '-inf': -Infinity }
  const lower = text.toLowerCase()
  if (Object.hasOwn(named, lower)) return named[lower as keyof typeof named]
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[df]?$/i.test(text)) return undefined
  const number = Number(text.replace(/[df]$/i, ''))
  return type === 'float' ? Math.fround(number) : number
}

/**
 * By PROTOCOL.md each character is a byte; Spark writes the bytes decoded as UTF-8, and delta-rs the text of an escape. What
 * these do not agree about is refused; characters beyond a byte can only be Spark's.
 */
function binaryOf(text: string): Uint8Array {
  const codes = [...text].map((sign) => sign.codePointAt(0) ?? 0)
  if (codes.some((code) => code > 0xff)) return new TextEncoder().encode(text)
  if (!codes.some((code) => code > 0x7f) && !/\\u[0-9a-f]{4}/i.test(text)) return Uint8Array.from(codes)
  throw new DeltaError(
    'unsupported_feature',
    `binary partition value ${JSON.stringify(text.slice(0, 60))} is another one to Spark than by the protocol; it is not read`,
    { feature: 'binary partition values' },
  )
}

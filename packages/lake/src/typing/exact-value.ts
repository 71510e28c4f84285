import { DuckDBDecimalValue, DuckDBListValue, DuckDBTimestampTZValue, type DuckDBValue } from '@duckdb/node-api'
import type { Field } from '@sluice/events'
import { exactInstant } from './exact-instant.ts'
import { itemsOf } from './json-members.ts'

/** A typed value with its text for the content hash; or what was expected instead. */
export type ExactValue = { value: DuckDBValue; canonical: string } | { expected: string }

const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/
const RANGES = {
  int: { min: -2_147_483_648n, max: 2_147_483_647n },
  long: { min: -9_223_372_036_854_775_808n, max: 9_223_372_036_854_775_807n },
} as const
/** More digits than any column has; exponents beyond it are not written out. */
const MOST_DIGITS = 40

/** Converts a value's JSON text, by the rules of `docs/event-types`. The text must be valid JSON and not `null`. */
export function exactValue(field: Field, text: string): ExactValue {
  switch (field.kind) {
    case 'string':
      return exactString(field, text)
    case 'int':
      return exactInteger(RANGES.int, text, Number)
    case 'long':
      return exactInteger(RANGES.long, text, (value) => value)
    case 'decimal':
      return exactDecimal(field.precision, field.scale, text)
    case 'float':
      return exactDouble('float', text, Math.fround)
    case 'double':
      return exactDouble('double', text, (value) => value)
    case 'boolean':
      return exactBoolean(text)
    case 'instant':
      return exactStamp(text)
    case 'string_list':
      return exactStringList(text)
  }
}

function exactString(field: Field, text: string): ExactValue {
  const value = stringOrNumber(text)
  if (value === undefined) return { expected: 'a string, or a number as its own text' }
  if (!value.isWellFormed()) return { expected: 'a string of whole Unicode characters, no half of a surrogate pair' }
  if (field.one_of && !field.one_of.includes(value)) return { expected: `one of ${field.one_of.join(', ')}` }
  return { value, canonical: value }
}

function exactInteger(
  { min, max }: { min: bigint; max: bigint },
  text: string,
  stored: (value: bigint) => DuckDBValue,
): ExactValue {
  const expected = `an integer from ${min} to ${max}`
  const number = decimalOf(text)
  if (!number || number.exponent < 0 || number.digits.length + number.exponent > MOST_DIGITS) return { expected }
  const value = BigInt(`${number.sign}${number.digits}${'0'.repeat(number.exponent)}`)
  return value < min || value > max ? { expected } : { value: stored(value), canonical: String(value) }
}

function exactDecimal(precision: number, scale: number, text: string): ExactValue {
  const number = decimalOf(text)
  if (!number || -number.exponent > scale || number.digits.length + number.exponent > precision - scale) {
    const whole = precision - scale
    return { expected: `a number with at most ${whole} digits before the point and ${scale} after it` }
  }
  const unscaled = BigInt(`${number.sign}${number.digits}${'0'.repeat(number.exponent + scale)}`)
  const value = new DuckDBDecimalValue(unscaled, precision, scale)
  return { value, canonical: value.toString() }
}

function exactDouble(kind: string, text: string, stored: (value: number) => number): ExactValue {
  const source = stringOrNumber(text)
  const value = stored(source !== undefined && NUMBER.test(source) ? Number(source) : Number.NaN)
  if (!Number.isFinite(value)) return { expected: `a finite number that a ${kind} can hold` }
  const canonical = (value + 0).toExponential(16).replace(/e([+-])(\d)$/, 'e$10$2')
  return { value, canonical: value === 0 ? ZERO : canonical }
}

const ZERO = '0.0000000000000000e+00'

function exactBoolean(text: string): ExactValue {
  const value = text[0] === '"' ? JSON.parse(text) : text
  if (value !== 'true' && value !== 'false') return { expected: 'true or false' }
  return { value: value === 'true', canonical: value }
}

function exactStamp(text: string): ExactValue {
  const us = text[0] === '"' ? exactInstant(JSON.parse(text)) : undefined
  if (us === undefined) return { expected: 'an instant in RFC 3339, such as "2026-01-31T13:45:00Z"' }
  return { value: new DuckDBTimestampTZValue(us), canonical: String(us) }
}

function exactStringList(text: string): ExactValue {
  const expected = 'a list of strings'
  if (text[0] !== '[') return { expected }
  const strings: string[] = []
  for (const item of itemsOf(text)) {
    const value = stringOrNumber(item)
    if (value === undefined || !value.isWellFormed()) return { expected }
    strings.push(value)
  }
  const canonical = strings.map((value) => `${Buffer.byteLength(value)}:${value}`).join('')
  return { value: new DuckDBListValue(strings), canonical }
}

/** The characters of a string, or a number's own text. */
function stringOrNumber(text: string): string | undefined {
  if (text[0] === '"') return JSON.parse(text)
  return NUMBER.test(text) ? text : undefined
}

/** A number as its significant digits, none for zero, and a power of ten. */
function decimalOf(text: string): { sign: string; digits: string; exponent: number } | undefined {
  const match = NUMBER.exec(stringOrNumber(text) ?? '')
  if (!match) return undefined
  const [, sign = '', whole = '', fraction = '', power = '0'] = match
  const all = `${whole}${fraction}`.replace(/^0+/, '')
  const digits = all.replace(/0+$/, '')
  if (digits === '') return { sign: '', digits, exponent: 0 }
  return { sign, digits, exponent: Number(power) - fraction.length + (all.length - digits.length) }
}

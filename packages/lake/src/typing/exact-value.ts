import type { Field } from '@sluice/events'
import { exactInstant } from './exact-instant.ts'
import { itemsOf } from './json-members.ts'

/** The value in the form that SQL takes with certainty, as JSON text; or what was expected instead. */
export type ExactValue = { json: string } | { expected: string }

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
    case 'long':
      return exactInteger(RANGES[field.kind], text)
    case 'decimal':
      return exactDecimal(field.precision, field.scale, text)
    case 'float':
    case 'double':
      return exactDouble(field.kind, text)
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
  if (!value.isWellFormed()) return { expected: 'a string of whole Unicode characters (one has half a surrogate pair)' }
  if (field.one_of && !field.one_of.includes(value)) return { expected: `one of ${field.one_of.join(', ')}` }
  return { json: JSON.stringify(value) }
}

function exactInteger({ min, max }: { min: bigint; max: bigint }, text: string): ExactValue {
  const expected = `an integer from ${min} to ${max}`
  const number = decimalOf(text)
  if (!number || number.exponent < 0 || number.digits.length + number.exponent > MOST_DIGITS) return { expected }
  const value = BigInt(`${number.sign}${number.digits}${'0'.repeat(number.exponent)}`)
  return value < min || value > max ? { expected } : { json: String(value) }
}

function exactDecimal(precision: number, scale: number, text: string): ExactValue {
  const expected = `a number with at most ${precision - scale} digits before and ${scale} after the point`
  const number = decimalOf(text)
  if (!number || -number.exponent > scale || number.digits.length + number.exponent > precision - scale)
    return { expected }
  const digits = `${number.digits}${'0'.repeat(Math.max(number.exponent, 0))}`
  const places = Math.max(-number.exponent, 0)
  const padded = digits.padStart(places + 1, '0')
  const whole = padded.slice(0, padded.length - places)
  return { json: `"${number.sign}${whole}${places > 0 ? `.${padded.slice(-places)}` : ''}"` }
}

function exactDouble(kind: 'float' | 'double', text: string): ExactValue {
  const source = stringOrNumber(text)
  const value = source !== undefined && NUMBER.test(source) ? Number(source) : Number.NaN
  const stored = kind === 'float' ? Math.fround(value) : value
  return Number.isFinite(stored) ? { json: JSON.stringify(value) } : { expected: `a finite number that fits a ${kind}` }
}

function exactBoolean(text: string): ExactValue {
  const value = text[0] === '"' ? JSON.parse(text) : text
  return value === 'true' || value === 'false' ? { json: value } : { expected: 'true or false' }
}

function exactStamp(text: string): ExactValue {
  const stamp = text[0] === '"' ? exactInstant(JSON.parse(text)) : undefined
  return stamp ? { json: `"${stamp}"` } : { expected: 'an instant in RFC 3339, such as "2026-01-31T13:45:00Z"' }
}

function exactStringList(text: string): ExactValue {
  const items = text[0] === '[' ? itemsOf(text).map(stringOrNumber) : [undefined]
  const strings = items.filter((item): item is string => item?.isWellFormed() === true)
  return strings.length === items.length ? { json: JSON.stringify(strings) } : { expected: 'a list of strings' }
}

/** The characters of a string, or a number's own text. */
function stringOrNumber(text: string): string | undefined {
  if (text[0] === '"') return JSON.parse(text)
  return NUMBER.test(text) ? text : undefined
}

/** A number as its significant digits (none for zero) and a power of ten. */
function decimalOf(text: string): { sign: string; digits: string; exponent: number } | undefined {
  const match = NUMBER.exec(stringOrNumber(text) ?? '')
  if (!match) return undefined
  const [, sign = '', whole = '', fraction = '', power = '0'] = match
  const all = `${whole}${fraction}`.replace(/^0+/, '')
  const digits = all.replace(/0+$/, '')
  if (digits === '') return { sign: '', digits: '0', exponent: 0 }
  return { sign, digits, exponent: Number(power) - fraction.length + (all.length - digits.length) }
}

import { StoreError } from '@sluice/store/store'
import { instantOfMicros, MICROS_OF_DAY, MICROS_OF_MINUTE, microsOf, startOfDay } from './instant.ts'
import { questions } from './questions.ts'

/** A question as a sum of a field over windows of time, for one value of a tag. Times are microseconds since 1970. */
export interface WindowSum {
  table: string
  tag: string
  value: string
  field: string
  /** In. */
  from: bigint
  /** Out. */
  to: bigint
  window_micros: bigint
  /** The name of the window's column and its text, from the window's first microsecond. */
  column: string
  label: (start: bigint) => string
}

/**
 * What a question asks for. A trend begins with the whole day that `to` less `days` falls in.
 * @param nowMillis what `now` means
 * @throws StoreError `unknown_question`, or `failed` where a parameter is missing or malformed
 */
export function windowSum(name: string, given: Readonly<Record<string, string>>, nowMillis: number): WindowSum {
  const question = questions.find((candidate) => candidate.name === name)
  if (!question) throw unknownQuestion(name)
  const text = (parameter: string): string => {
    const value = given[parameter] ?? question.parameters.find((known) => known.name === parameter)?.default
    if (value === undefined) throw new StoreError('failed', `question ${name} needs the parameter ${parameter}`)
    return value
  }
  const instant = (parameter: string): bigint => {
    const value = text(parameter)
    const micros = value === 'now' ? BigInt(nowMillis) * 1000n : microsOf(value)
    if (micros === undefined)
      throw new StoreError('failed', `${parameter}: expected a day or an instant in RFC 3339, got ${value}`)
    return micros
  }
  const asked = { table: 'streaming_quality', tag: 'region', value: text('region'), field: 'buffering_count' }
  const to = instant('to')
  if (name === 'buffering-per-minute')
    return {
      ...asked,
      from: instant('from'),
      to,
      window_micros: MICROS_OF_MINUTE,
      column: 'minute',
      label: instantOfMicros,
    }
  const days = text('days')
  if (!/^[1-9]\d{0,8}$/.test(days)) throw new StoreError('failed', `days: expected a whole number from 1, got ${days}`)
  return {
    ...asked,
    from: startOfDay(latest(to - BigInt(days) * MICROS_OF_DAY, FIRST_DAY)),
    to,
    window_micros: MICROS_OF_DAY,
    column: 'day',
    label: (start) => instantOfMicros(start).slice(0, 10),
  }
}

/** No row is older; farther back no store can count. */
const FIRST_DAY = BigInt(Date.parse('0000-01-01T00:00:00Z')) * 1000n
const latest = (a: bigint, b: bigint): bigint => (a > b ? a : b)

const unknownQuestion = (name: string): StoreError =>
  new StoreError(
    'unknown_question',
    `the time series store answers ${questions.map((question) => question.name).join(', ')}; it was asked ${name}`,
  )

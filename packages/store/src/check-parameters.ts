import type { Question, QuestionParameter } from './store.ts'

export const DEFAULT_LIMIT = 100
export const MAX_LIMIT = 100_000
const MAX_TEXT_CHARACTERS = 10_000

export type CheckedParameters =
  | { kind: 'ok'; parameters: Record<string, string>; limit: number }
  | { kind: 'refused'; detail: string }

/**
 * Checks what a client gave a question, and fills in defaults. Values stay text; days and instants come out as RFC 3339
 * in UTC with milliseconds, so that no store has to read a date its own way.
 */
export function checkParameters(
  question: Pick<Question, 'name' | 'parameters'>,
  given: Readonly<Record<string, unknown>>,
): CheckedParameters {
  const parameters: Record<string, string> = {}
  for (const parameter of question.parameters) {
    const value = given[parameter.name] ?? parameter.default
    if (value === undefined) {
      if (parameter.required) return refused(`${question.name} needs ${parameter.name}: ${parameter.description}`)
      continue
    }
    if (typeof value !== 'string') return refused(`${parameter.name} was given more than once; give it once`)
    const checked = CHECKS[parameter.kind](value)
    if (checked === undefined)
      return refused(`${parameter.name}: expected ${EXPECTED[parameter.kind]}, got ${JSON.stringify(shortened(value))}`)
    parameters[parameter.name] = checked
  }
  const unknown = Object.keys(given).find((name) => name !== 'limit' && !isKnown(question.parameters, name))
  if (unknown !== undefined)
    return refused(
      `${question.name} has no parameter ${JSON.stringify(shortened(unknown))}; it has ${[...question.parameters.map(({ name }) => name), 'limit'].join(', ')}`,
    )
  const limit = limitOf(given['limit'])
  if (limit === undefined)
    return refused(`limit: expected a whole number from 1 to ${MAX_LIMIT}, got ${JSON.stringify(given['limit'])}`)
  return { kind: 'ok', parameters, limit }
}

type Kind = QuestionParameter['kind']

const CHECKS: Readonly<Record<Kind, (value: string) => string | undefined>> = {
  text: (value) => (value.length > 0 && value.length <= MAX_TEXT_CHARACTERS ? value : undefined),
  day_or_instant: instantOf,
  hour: (value) => (/^\d{1,2}$/.test(value) && Number(value) < 24 ? String(Number(value)) : undefined),
  time_zone: (value) => (isTimeZone(value) ? value : undefined),
  positive_int: (value) => (/^[1-9]\d{0,8}$/.test(value) ? value : undefined),
}

const EXPECTED: Readonly<Record<Kind, string>> = {
  text: `1 to ${MAX_TEXT_CHARACTERS} characters`,
  day_or_instant: 'a day (2025-10-02) or an instant (2025-10-02T21:10:00Z)',
  hour: 'an hour from 0 to 23',
  time_zone: 'a time zone by its IANA name (Asia/Kolkata)',
  positive_int: 'a whole number from 1',
}

const DAY = /^\d{4}-\d{2}-\d{2}$/
const INSTANT = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|z|[+-]\d{2}:\d{2})?$/

/** A day is its midnight in UTC; an instant without a zone is in UTC. `now` is the time of the question. */
function instantOf(value: string): string | undefined {
  if (value === 'now') return new Date().toISOString()
  if (DAY.test(value)) return validDate(`${value}T00:00:00Z`)
  // A plus sign in a query string that nobody escaped arrives as a space.
  const text = value.replace(/ (?=\d{2}:\d{2}$)/, '+')
  if (!INSTANT.test(text)) return undefined
  const spaced = text.replace(' ', 'T').toUpperCase()
  return validDate(/(Z|[+-]\d{2}:\d{2})$/.test(spaced) ? spaced : `${spaced}Z`)
}

function validDate(text: string): string | undefined {
  const date = new Date(text)
  if (Number.isNaN(date.getTime())) return undefined
  // Date rolls the 30th of February over to March.
  const day = Number(text.slice(8, 10))
  const daysInMonth = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate()
  return day >= 1 && day <= daysInMonth ? date.toISOString() : undefined
}

function isTimeZone(value: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value })
    return /^[A-Za-z]/.test(value)
  } catch {
    return false
  }
}

function limitOf(given: unknown): number | undefined {
  if (given === undefined) return DEFAULT_LIMIT
  if (typeof given !== 'string' || !/^[1-9]\d{0,5}$/.test(given)) return undefined
  return Number(given) <= MAX_LIMIT ? Number(given) : undefined
}

const isKnown = (parameters: readonly QuestionParameter[], name: string) =>
  parameters.some((parameter) => parameter.name === name)
const refused = (detail: string): CheckedParameters => ({ kind: 'refused', detail })
const shortened = (text: string) => (text.length > 100 ? `${text.slice(0, 100)}…` : text)

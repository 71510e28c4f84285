import type { DuckDBValue } from '@duckdb/node-api'
import type { EventType, Field } from '@sluice/events'
import { canonicalMembers } from './canonical-json.ts'
import { contentHash, EXTRA, rawContentHash } from './content-hash.ts'
import { exactValue } from './exact-value.ts'
import { membersOf } from './json-members.ts'
import { type Envelope, splitLine } from './raw-line-text.ts'

/** Members of an event that are never content. */
export const ENVELOPE_FIELDS = ['type', 'event_id'] as const

/** Why a line cannot be loaded. */
export interface Violation {
  reason: 'unknown_type' | 'schema_violation' | 'unreadable'
  field: string | null
  message: string
}

/** A typed line: its values in order of the type's fields, null where absent. */
export interface ExactRow {
  definition: EventType
  values: DuckDBValue[]
  /** Unknown fields as a JSON object's text, their values as they came. */
  extra: string | null
}

export interface ExactLine {
  envelope: Envelope
  content_hash: bigint
  outcome: ExactRow | (Violation & { text: string })
}

/** What came is quoted in messages up to here. */
const LONGEST_QUOTE = 100

/** Types one line of a batch without DuckDB: the rules in full. Never throws. `readable`: the bytes are UTF-8. */
export function exactLine(line: string, readable: boolean, types: ReadonlyTypes): ExactLine {
  const { envelope, event, broken } = splitLine(line)
  const wrong = broken ? "expected a line of the raw zone's" : readable ? undefined : 'expected UTF-8'
  const { outcome, content_hash } = wrong ? unreadable(envelope, event, wrong) : judge(envelope, event, types)
  if (!('reason' in outcome)) return { envelope, content_hash, outcome }
  return { envelope, content_hash, outcome: { ...outcome, text: event.toWellFormed() } }
}

interface ReadonlyTypes {
  get(type: string): EventType | undefined
}

interface Judgement {
  outcome: ExactRow | Violation
  content_hash: bigint
}

/** An event that the code below was not made for is its own harm only. */
function judge(envelope: Envelope, text: string, types: ReadonlyTypes): Judgement {
  try {
    return outcomeOf(envelope, text, types)
  } catch (error) {
    return unreadable(envelope, text, `expected an event that can be typed: ${String(error)}`)
  }
}

function outcomeOf(envelope: Envelope, text: string, types: ReadonlyTypes): Judgement {
  const { type, form } = envelope
  const wrong = wrongJson(text)
  if (wrong !== undefined) return unreadable(envelope, text, wrong)
  const event = membersOf(text)
  const data = form === 'cloudevent' ? (event.get('data') ?? NOTHING) : text
  const fields = form === 'cloudevent' ? data.startsWith('{') && membersOf(data) : event
  if (fields) for (const name of ENVELOPE_FIELDS) fields.delete(name)
  const definition = types.get(type)
  const typed = !definition
    ? unknownType(type)
    : !fields
      ? violationOf('data', 'an object with the fields of the event', data)
      : typedRow(definition, fields)
  if (!('reason' in typed)) return { outcome: typed.row, content_hash: contentHash(type, typed.content) }
  return { outcome: typed, content_hash: rawContentHash(type, fields ? canonicalMembers(fields) : data) }
}

function wrongJson(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? undefined : `expected a JSON object; ${quoted(text)} came`
  } catch (error) {
    return `expected JSON: ${error instanceof Error ? error.message : String(error)}`
  }
}

function typedRow(
  definition: EventType,
  fields: ReadonlyMap<string, string>,
): { row: ExactRow; content: Map<string, string> } | Violation {
  const values: DuckDBValue[] = []
  const content = new Map<string, string>()
  const unknown = new Map(fields)
  for (const [name, field] of Object.entries<Field>(definition.fields)) {
    const text = fields.get(name) ?? NOTHING
    unknown.delete(name)
    if (text === NOTHING || text === 'null') {
      if (field.required) return violationOf(name, 'a value, as it is required', text)
      values.push(null)
      continue
    }
    const value = exactValue(field, text)
    if ('expected' in value) return violationOf(name, value.expected, text)
    values.push(value.value)
    content.set(name, value.canonical)
  }
  if (unknown.size > 0) content.set(EXTRA, canonicalMembers(unknown))
  return { row: { definition, values, extra: extraOf(unknown) }, content }
}

const NOTHING = 'nothing'

function extraOf(fields: ReadonlyMap<string, string>): string | null {
  if (fields.size === 0) return null
  return `{${[...fields].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`
}

const unknownType = (type: string): Violation => ({
  reason: 'unknown_type',
  field: 'type',
  message: `⚠️ Unknown event type: expected one that is defined; ${quoted(JSON.stringify(type))} came`,
})

const violationOf = (field: string, expected: string, came: string): Violation => ({
  reason: 'schema_violation',
  field,
  message: `expected ${expected}; ${quoted(came)} came`,
})

const unreadable = ({ type }: Envelope, text: string, message: string): Judgement => ({
  outcome: { reason: 'unreadable', field: null, message },
  content_hash: rawContentHash(type, text),
})

function quoted(text: string): string {
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE).toWellFormed()}…` : text
}

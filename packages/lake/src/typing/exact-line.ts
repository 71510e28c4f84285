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
  const { envelope, event } = splitLine(line)
  const { outcome, content_hash } = readable
    ? outcomeOf(envelope, event, types)
    : unreadable(envelope, event, 'expected UTF-8')
  if (!('reason' in outcome)) return { envelope, content_hash, outcome }
  return { envelope, content_hash, outcome: { ...outcome, text: event } }
}

interface ReadonlyTypes {
  get(type: string): EventType | undefined
}

interface Judgement {
  outcome: ExactRow | Violation
  content_hash: bigint
}

function outcomeOf(envelope: Envelope, text: string, types: ReadonlyTypes): Judgement {
  const { type, form } = envelope
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return unreadable(envelope, text, `expected a JSON object; ${quoted(text)} came`)
  } catch (error) {
    return unreadable(envelope, text, `expected JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  const event = membersOf(text)
  const data = form === 'cloudevent' ? (event.get('data') ?? NOTHING) : text
  const fields = form === 'cloudevent' ? data.startsWith('{') && membersOf(data) : event
  if (fields) for (const name of ENVELOPE_FIELDS) fields.delete(name)
  const invalid = (outcome: Violation): Judgement => ({
    outcome,
    content_hash: rawContentHash(type, fields ? canonicalMembers(fields) : data),
  })
  const definition = types.get(type)
  if (!definition) return invalid(unknownType(type))
  if (!fields) return invalid(violationOf('data', 'an object with the fields of the event', data))
  const content = new Map<string, string>()
  const values: DuckDBValue[] = []
  for (const [name, field] of Object.entries<Field>(definition.fields)) {
    const found = fields.get(name) ?? NOTHING
    if (found === NOTHING || found === 'null') {
      if (field.required) return invalid(violationOf(name, 'a value, as it is required', found))
      values.push(null)
      continue
    }
    const value = exactValue(field, found)
    if ('expected' in value) return invalid(violationOf(name, value.expected, found))
    values.push(value.value)
    content.set(name, value.canonical)
  }
  for (const name of Object.keys(definition.fields)) fields.delete(name)
  if (fields.size > 0) content.set(EXTRA, canonicalMembers(fields))
  return { outcome: { definition, values, extra: extraOf(fields) }, content_hash: contentHash(type, content) }
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

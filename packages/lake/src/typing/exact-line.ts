import { createHash } from 'node:crypto'
import type { EventType, Field } from '@sluice/events'
import { canonicalMembers } from './canonical-json.ts'
import { exactValue } from './exact-value.ts'
import { ENVELOPE_FIELDS } from './extra-fields.ts'
import { membersOf } from './json-members.ts'

/** Why a line cannot be loaded. */
export interface Violation {
  reason: 'unknown_type' | 'schema_violation' | 'unreadable'
  field: string | null
  message: string
}

interface Envelope {
  p: number
  o: string
  batch: string
  line: number
  event_id: string
  received_at: string
  type: string
  form: string
  wait: 0 | 1
}

/** What came is quoted in messages up to here. */
const LONGEST_QUOTE = 100

/**
 * Rewrites a line that SQL is not certain of, so that it is: every value in its plainest form, unknown fields apart; or
 * with the reason why it cannot be loaded. One line of JSON for `readLines`.
 */
export function exactLine(seq: number, line: string, types: { get(type: string): EventType | undefined }): string {
  const { envelope, event } = splitLine(line)
  const finding = findingOf(envelope, event, types)
  return writtenLine(seq, envelope, event, finding)
}

/** A line that made the engine fail in any form. */
export function unreadableLine(seq: number, line: string, message: string): string {
  const { envelope, event } = splitLine(line)
  return writtenLine(seq, envelope, event, {
    violation: { reason: 'unreadable', field: null, message },
    hashed: event,
  })
}

type Finding = { event: string; extra: ReadonlyMap<string, string> } | { violation: Violation; hashed: string }

function findingOf(
  { type, form }: Envelope,
  text: string,
  types: { get(type: string): EventType | undefined },
): Finding {
  try {
    if (JSON.parse(text) === null || text[0] !== '{') return unreadable(text, 'expected a JSON object')
  } catch (error) {
    return unreadable(text, `expected JSON; ${error instanceof Error ? error.message : String(error)}`)
  }
  const event = membersOf(text)
  const data = form === 'cloudevent' ? (event.get('data') ?? 'nothing') : text
  const fields = data[0] === '{' ? (form === 'cloudevent' ? membersOf(data) : event) : undefined
  for (const name of ENVELOPE_FIELDS) fields?.delete(name)
  const hashed = fields ? canonicalMembers(fields) : data
  const definition = types.get(type)
  if (!definition) {
    const message = `⚠️ Unknown event type: expected a type that is defined; ${quoted(JSON.stringify(type))} came`
    return { violation: { reason: 'unknown_type', field: 'type', message }, hashed }
  }
  if (!fields) return { violation: violationOf('data', 'an object with the fields of the event', data), hashed }
  return typedFields(definition, fields, hashed)
}

function typedFields(definition: EventType, fields: Map<string, string>, hashed: string): Finding {
  const declared: [string, Field][] = Object.entries(definition.fields)
  const members: string[] = []
  for (const [name, field] of declared) {
    const text = fields.get(name) ?? 'nothing'
    fields.delete(name)
    if (text === 'null' || text === 'nothing') {
      if (field.required) return { violation: violationOf(name, 'a value, for it is required', text), hashed }
      continue
    }
    const value = exactValue(field, text)
    if ('expected' in value) return { violation: violationOf(name, value.expected, text), hashed }
    members.push(`${JSON.stringify(name)}:${value.json}`)
  }
  return { event: `{${members.join(',')}}`, extra: fields }
}

function violationOf(field: string, expected: string, came: string): Violation {
  return { reason: 'schema_violation', field, message: `expected ${expected}; ${quoted(came)} came` }
}

const unreadable = (hashed: string, message: string): Finding => ({
  violation: { reason: 'unreadable', field: null, message },
  hashed,
})

const quoted = (text: string) => (text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text)

function writtenLine(seq: number, envelope: Envelope, text: string, finding: Finding): string {
  const { p, o, ...rest } = envelope
  const head = `{"p":${p},"o":${o},${plainJson({ ...rest, form: 'event', seq }).slice(1, -1)}`
  if ('violation' in finding) {
    const hash = createHash('md5').update(
      `invalid ${Buffer.byteLength(envelope.type)}:${envelope.type}\n${finding.hashed}`,
    )
    const findings = plainJson({ ...finding.violation, text, hash: hash.digest().readBigInt64LE(8).toString() })
    return `${head},${findings.slice(1)}`
  }
  const { event, extra } = finding
  if (extra.size === 0) return `${head},"event":${event}}`
  const members = [...extra].map(([name, value]) => `${JSON.stringify(name)}:${value}`)
  const unknown = { extra: `{${members.join(',')}}`, canonical_extra: canonicalMembers(extra) }
  return `${head},${plainJson(unknown).slice(1, -1)},"event":${event}}`
}

/** JSON without halves of surrogate pairs, which DuckDB refuses. */
function plainJson(value: Record<string, string | number | null>): string {
  return JSON.stringify(value, (_name, member) => (typeof member === 'string' ? member.toWellFormed() : member))
}

const HEAD = /^\{"p":(\d+),"o":(\d+),/
const EVENT = ',"event":'

/** Ingest writes the members of the envelope in a fixed order and escapes quotes in them: the first EVENT is the event's. */
function splitLine(line: string): { envelope: Envelope; event: string } {
  const [, partition = '0', offset = '0'] = HEAD.exec(line) ?? []
  const at = line.indexOf(EVENT)
  const event = line.slice(at + EVENT.length, line.lastIndexOf('}'))
  const position = { p: Number(partition), o: offset }
  try {
    return { envelope: { ...JSON.parse(`${line.slice(0, at)}}`), ...position }, event }
  } catch {
    return { envelope: unknownEnvelope(position), event: line }
  }
}

/** Not a line that ingest wrote: it is known by its place in the log. */
function unknownEnvelope(position: { p: number; o: string }): Envelope {
  const id = `log/${position.p}/${position.o}`
  return {
    ...position,
    batch: id,
    line: 0,
    event_id: id,
    received_at: '1970-01-01T00:00:00Z',
    type: '',
    form: 'event',
    wait: 0,
  }
}

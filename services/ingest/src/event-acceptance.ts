import { rawLineTail } from '@sluice/events'
import type { RefusalCode } from '@sluice/ingest-api'
import { cloudEventEnvelope } from './cloud-event.ts'
import type { NewEventId } from './event-id.ts'
import type { JsonSpan } from './json-span.ts'
import type { IngestLimits } from './limits.ts'
import type { Routing } from './routing.ts'
import { escapesLoneSurrogate } from './surrogate.ts'

/** What became of one event of a request. */
export type Acceptance =
  | {
      kind: 'accepted'
      event_id: string
      type: string
      /** The raw line without batch and line. */
      tail: string
      partition: number
      warning?: string
    }
  | { kind: 'rejected'; code: RefusalCode; detail: string; event_id?: string }

/** What all events of one request share. */
export interface RequestEnvelope {
  form: 'event' | 'cloudevent'
  received_at: string
  source: string
  wait: 0 | 1
  newEventId: NewEventId
  /** Files: the type of every row, whatever the row says. */
  type?: string
}

export type CheckEvent = (span: JsonSpan, index: number, request: RequestEnvelope) => Acceptance

const SHOWN_CHARACTERS = 80

/** Checks the envelope of one event, and nothing else of it, and makes its raw line. */
export function eventCheck(limits: IngestLimits, routing: Routing): CheckEvent {
  return (span, index, request) => {
    if (span.fault) return reject(span.fault, 'expected UTF-8, came other bytes')
    if (exceeds(span.text, limits.event_limit_bytes))
      return reject('event_too_large', `expected at most ${limits.event_limit_bytes} bytes`)
    if (span.depth > limits.nesting_limit)
      return reject('nesting_too_deep', `expected at most ${limits.nesting_limit} levels, came ${span.depth}`)
    let event: unknown
    try {
      event = JSON.parse(span.text)
    } catch (error) {
      return reject('invalid_json', `expected JSON: ${error instanceof Error ? error.message.slice(0, 200) : ''}`)
    }
    if (!isObject(event)) return reject('not_an_object', `expected a JSON object, came ${nameOf(event)}`)
    if (span.text.includes('\\u') && escapesLoneSurrogate(span.text))
      return reject('lone_surrogate', 'expected whole characters, came an escape of half a surrogate pair')
    return accept(event, span, index, request, routing)
  }
}

function accept(
  event: Record<string, unknown>,
  span: JsonSpan,
  index: number,
  request: RequestEnvelope,
  routing: Routing,
): Acceptance {
  let given: unknown = event.event_id
  let fields: Record<string, unknown> | undefined = event
  if (request.form === 'cloudevent') {
    const envelope = cloudEventEnvelope(event)
    if ('detail' in envelope) return reject(envelope.code, envelope.detail)
    given = envelope.event_id
    fields = envelope.fields
  }
  const type = request.type ?? event.type
  if (typeof type !== 'string') return reject('missing_type', `expected a string "type", came ${nameOf(type)}`, given)
  if (given !== undefined && given !== null && !isEventId(given))
    return reject('invalid_event_id', `expected a string of 1 to 256 characters, came ${nameOf(given)}`)
  // No string of valid JSON holds a raw line break: those that are here stand between tokens.
  const text = span.text.includes('\n') || span.text.includes('\r') ? span.text.replaceAll(/[\r\n]/g, ' ') : span.text
  const event_id = typeof given === 'string' ? given : request.newEventId(index, text)
  const { received_at, source, form, wait } = request
  const route = routing(type, fields, event_id)
  return {
    kind: 'accepted',
    event_id,
    type,
    tail: rawLineTail({ event_id, received_at, source, type, form, wait }, text),
    partition: route.partition,
    warning: warningOf(route.known, type, event, span),
  }
}

function warningOf(known: boolean, type: string, event: object, span: JsonSpan): string | undefined {
  const unknown = known
    ? undefined
    : `⚠️ Unknown event type ${JSON.stringify(type.slice(0, SHOWN_CHARACTERS))}: kept raw and in quarantine`
  const twice =
    span.commas > 0 && Object.keys(event).length <= span.commas ? 'a field occurs more than once' : undefined
  return unknown && twice ? `${unknown}; ${twice}` : (unknown ?? twice)
}

function reject(code: RefusalCode, detail: string, event_id?: unknown): Acceptance {
  return { kind: 'rejected', code, detail, event_id: isEventId(event_id) ? event_id : undefined }
}

/** 1 to 256 characters; a character beyond the basic plane counts once. */
function isEventId(value: unknown): value is string {
  if (typeof value !== 'string' || value === '') return false
  return value.length <= 256 || (value.length <= 512 && [...value].length <= 256)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function nameOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'string') return value === '' ? 'an empty string' : `a string of ${value.length} characters`
  return `a ${typeof value}`
}

function exceeds(text: string, limit: number): boolean {
  return text.length > limit || (text.length * 3 > limit && Buffer.byteLength(text) > limit)
}

import { isUtf8 } from 'node:buffer'
import { arraySpans, type JsonSpan, lineSpans, mixedLineSpans, type SpanFault, skipSpace, span } from './json-span.ts'
import { Problem } from './problem.ts'
import { notUtf8 } from './request-body.ts'

/** The forms in which events are sent (`POST /v1/events`). */
export type BodyForm = 'json' | 'ndjson' | 'cloudevent' | 'cloudevent_batch' | 'guess'

const forms: ReadonlyMap<string, BodyForm> = new Map(
  Object.entries<BodyForm>({
    'application/json': 'json',
    'text/json': 'json',
    'application/x-ndjson': 'ndjson',
    'application/ndjson': 'ndjson',
    'application/jsonl': 'ndjson',
    'application/x-jsonlines': 'ndjson',
    'application/jsonlines': 'ndjson',
    'application/cloudevents+json': 'cloudevent',
    'application/cloudevents-batch+json': 'cloudevent_batch',
    // What clients send that name no type: curl -d, and bare sockets.
    'application/x-www-form-urlencoded': 'guess',
    'application/octet-stream': 'guess',
    'text/plain': 'guess',
    '': 'guess',
  }),
)

/** The body's form by its Content-Type. Throws a `Problem` (415) for any other. */
export function bodyForm(content_type: string | undefined): BodyForm {
  const [media_type = '', ...parameters] = (content_type ?? '').toLowerCase().split(';')
  const form = forms.get(media_type.trim())
  const charset = parameters.map((p) => p.trim()).find((p) => p.startsWith('charset='))
  const plain = charset === undefined || /^charset="?(utf-?8|us-ascii)"?$/.test(charset)
  if (form !== undefined && plain) return form
  throw new Problem(
    415,
    'unsupported_media_type',
    `expected application/json, application/x-ndjson, application/cloudevents+json or application/cloudevents-batch+json in UTF-8, came ${(content_type ?? '').slice(0, 100)}`,
  )
}

/** The texts of the body's events. Throws a `Problem`: 400 for a body that cannot be taken apart, 413 for too many. */
export function eventSpans(bytes: Buffer, form: BodyForm, limit: number): JsonSpan[] {
  if (!isUtf8(bytes)) {
    if (form !== 'ndjson' && !(form === 'guess' && looksLikeLines(bytes))) throw notUtf8(bytes)
    return spansOrRefusal(mixedLineSpans(bytes, limit), '')
  }
  const text = bytes.toString('utf8')
  const start = skipSpace(text, 0)
  if (start >= text.length) throw new Problem(400, 'no_events', 'expected at least one event, came an empty body')
  return spansOrRefusal(spansOf(text, start, form, limit), text)
}

function spansOrRefusal(spans: JsonSpan[] | SpanFault, text: string): JsonSpan[] {
  if (!('fault' in spans)) {
    if (spans.length === 0) throw new Problem(400, 'no_events', 'expected at least one event, came an empty list')
    return spans
  }
  if (spans.fault === 'too_many')
    throw new Problem(413, 'too_many_events', `expected at most ${spans.limit} events in one request`)
  const came = spans.at < text.length ? JSON.stringify(text.slice(spans.at, spans.at + 20)) : 'the end of the body'
  throw new Problem(
    400,
    'invalid_json',
    `expected ${spans.expected} at character ${spans.at}, came ${came}; nothing was accepted`,
  )
}

function spansOf(text: string, start: number, form: BodyForm, limit: number): JsonSpan[] | SpanFault {
  const array = text.charCodeAt(start) === 0x5b
  if (form === 'ndjson') return lineSpans(text, limit)
  if (form === 'cloudevent_batch' && !array) return { fault: 'syntax', at: start, expected: 'an array of CloudEvents' }
  if (array && form !== 'cloudevent') return arraySpans(text, limit)
  const whole = text.substring(start, endOfText(text))
  if (form === 'guess' && whole.includes('\n') && !isJson(whole)) return lineSpans(text, limit)
  return [span(whole)]
}

/** Several lines, the first of them JSON of its own. */
function looksLikeLines(bytes: Buffer): boolean {
  const feed = bytes.indexOf(0x0a)
  return feed >= 0 && feed < bytes.length - 1 && isJson(bytes.toString('utf8', 0, feed))
}

function endOfText(text: string): number {
  let end = text.length
  while (end > 0 && skipSpace(text, end - 1) === end) end--
  return end
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

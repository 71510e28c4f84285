import { problemSchema, problems } from '@sluice/service'

/** Codes of a refused event. */
export const REFUSAL_CODES = [
  'invalid_json',
  'invalid_utf8',
  'not_an_object',
  'missing_type',
  'invalid_event_id',
  'invalid_cloudevent',
  'lone_surrogate',
  'nesting_too_deep',
  'event_too_large',
] as const
export type RefusalCode = (typeof REFUSAL_CODES)[number]

const event = {
  type: 'object',
  required: ['type'],
  additionalProperties: true,
  properties: {
    type: { type: 'string', description: 'the event type; any other is kept raw and in quarantine' },
    event_id: { type: 'string', minLength: 1, maxLength: 256, description: 'unique; left out: a UUIDv7 is given' },
  },
} as const

const cloudEvent = {
  type: 'object',
  required: ['specversion', 'id', 'source', 'type'],
  additionalProperties: true,
  properties: {
    specversion: { type: 'string', enum: ['1.0'] },
    id: { type: 'string' },
    source: { type: 'string' },
    type: { type: 'string' },
    data: { type: 'object', additionalProperties: true, description: 'the fields of the event' },
  },
} as const

const viewing = {
  type: 'viewing_log',
  user_id: 'u123',
  movie_id: 'm101',
  watched_at: '2025-10-02T21:10:00',
  device: 'iPhone',
  duration_minutes: 120,
}
const click = {
  type: 'click',
  user_id: 'u123',
  product_id: 'IPHONE15',
  action: 'view',
  clicked_at: '2025-10-02T21:10:00Z',
}
const { type: viewing_type, ...viewing_fields } = viewing
const wrapped = {
  specversion: '1.0',
  id: 'b4c1a1de-8f43-4d64-9d6e-6a6c2f1c7a11',
  source: '/players/ios',
  type: viewing_type,
  data: viewing_fields,
}

const result = {
  type: 'object',
  required: ['index', 'status'],
  properties: {
    index: { type: 'integer', description: 'place in the request, from 0' },
    event_id: { type: 'string', description: 'missing where the event was refused and has none that is usable' },
    status: {
      type: 'string',
      enum: ['accepted', 'rejected', 'stored', 'quarantined', 'repeat'],
      description: '`stored`, `quarantined` and `repeat` where it was waited for and settled in time',
    },
    warning: {
      type: 'string',
      description:
        'of an accepted event: its type is unknown, so that it will be in quarantine, or a field occurs more than once',
    },
    error: {
      type: 'object',
      description: 'why it was refused',
      required: ['code', 'message'],
      properties: {
        code: { type: 'string', enum: REFUSAL_CODES },
        message: { type: 'string' },
      },
    },
  },
} as const

const outcome = {
  type: 'object',
  required: ['accepted', 'rejected', 'results'],
  properties: {
    accepted: { type: 'integer', description: 'events' },
    rejected: { type: 'integer', description: 'events' },
    results: { type: 'array', items: result, description: 'one for each event, in the order of the request' },
  },
} as const

const accepted = {
  accepted: 1,
  rejected: 0,
  results: [{ index: 0, event_id: '0199a6f2-52a1-7c3e-8d0b-0b6f8a4c1e55', status: 'accepted' }],
}

/** OpenAPI of `POST /v1/events`. */
export const eventsRouteSchema = {
  tags: ['ingest'],
  summary: 'Send events',
  description:
    'One event, an array, NDJSON or CloudEvents, plain, gzip or zstd. Answered when the events are durable; one bad event refuses itself only.',
  querystring: {
    type: 'object',
    properties: {
      wait: { type: 'string', enum: ['table', 'stores'], description: 'answer when the events are there' },
      timeout_ms: {
        type: 'integer',
        minimum: 0,
        default: 10_000,
        description: 'wait at most this long, in milliseconds; never longer than a minute',
      },
    },
  },
  headers: {
    type: 'object',
    properties: {
      'idempotency-key': {
        type: 'string',
        maxLength: 256,
        description: 'ids are derived from it, so that the same request sent again makes repeats',
      },
    },
  },
  body: {
    content: {
      'application/json': {
        schema: { anyOf: [event, { type: 'array', items: event }], examples: [viewing, [viewing, click]] },
      },
      'application/x-ndjson': {
        schema: { type: 'string', examples: [`${JSON.stringify(viewing)}\n${JSON.stringify(click)}\n`] },
      },
      'application/cloudevents+json': { schema: { ...cloudEvent, examples: [wrapped] } },
      'application/cloudevents-batch+json': {
        schema: { type: 'array', items: cloudEvent, examples: [[wrapped]] },
      },
    },
  },
  response: {
    202: {
      description: 'all accepted, and durable',
      content: { 'application/json': { schema: { ...outcome, examples: [accepted] } } },
    },
    207: { description: 'some accepted, some refused', content: { 'application/json': { schema: outcome } } },
    400: {
      description: 'all refused, or a body that cannot be taken apart',
      content: {
        'application/problem+json': {
          schema: { ...problemSchema, properties: { ...problemSchema.properties, ...outcome.properties } },
        },
      },
    },
    ...problems({
      401: 'no API key, or an unknown one',
      403: 'the API key lacks the scope ingest',
      413: 'the body, or the number of events, is beyond its limit',
      415: 'no such content type or encoding',
      429: 'too much at a time; send again after Retry-After',
      503: 'the raw zone cannot be written, and what was kept is not certain; send again after Retry-After, with the same event_ids or Idempotency-Key: what is there already counts as a repeat',
    }),
  },
} as const

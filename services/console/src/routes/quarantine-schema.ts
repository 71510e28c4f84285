import { MOST_REDRIVEN, REDRIVABLE, REDRIVEN } from '../redrive/redrive-request.ts'
import {
  answered,
  instant,
  integer,
  listOf,
  namedValues,
  objectOf,
  oneOf,
  orNull,
  refusals,
  text,
  yesOrNo,
} from './answer-schema.ts'

export const LISTED = 100
export const MOST_LISTED = 1_000

const REASONS = ['unknown_type', 'schema_violation', 'id_conflict', 'unreadable'] as const

/** Why an event is in quarantine. */
export const whyQuarantined = {
  reason: oneOf(REASONS, 'stable'),
  field: orNull(text('the field at fault')),
  message: orNull(text('what was expected, and what came')),
  text: orNull(text("the client's own text")),
}

const entry = objectOf({
  event_id: text('of the event'),
  type: text('event type; empty where the line is unreadable'),
  ...whyQuarantined,
  received_at: instant('when ingest received it'),
  raw_batch: text('raw batch'),
  raw_line: integer('in the batch, from 0'),
})

/** OpenAPI of `GET /v1/quarantine`. */
export const quarantineSchema = {
  tags: ['lake'],
  summary: 'Events that could not be loaded and still wait',
  querystring: {
    type: 'object',
    properties: {
      reason: { type: 'string', description: REASONS.join(', ') },
      type: { type: 'string', description: 'event type' },
      limit: {
        type: 'string',
        description: `at most this many; 1 to ${MOST_LISTED}, default ${LISTED}; fewer come where their texts are long`,
      },
      after: { type: 'string', description: '`next` of the answer before' },
    },
  },
  response: {
    ...answered(
      'the events that wait',
      objectOf(
        { events: listOf(entry, 'newest first'), next: text('where there are more: what to give as `after`') },
        { optional: ['next'] },
      ),
      {
        events: [
          {
            event_id: '0199a6f2-52a1-7c3e-8d0b-0b6f8a4c1e55',
            type: 'viewing_log',
            reason: 'schema_violation',
            field: 'duration_minutes',
            message: 'expected an integer, came "a while"',
            text: '{"type":"viewing_log","duration_minutes":"a while"}',
            received_at: '2025-10-02T21:10:00.120Z',
            raw_batch: '0199a6f2-1',
            raw_line: 0,
          },
        ],
      },
    ),
    ...refusals({ 400: 'a parameter is malformed' }),
  },
}

const redriven = objectOf(
  {
    event_id: text('of the entry'),
    status: oneOf(
      ['stored', 'repeat', 'quarantined', 'accepted', 'rejected', 'invalid', 'valid'],
      '`accepted`: not settled in time; `invalid`: not sent, as it would be in quarantine again; `valid`: of a dry run, it would be stored',
    ),
    reason: text('of an event that is invalid, or that ingest refused'),
    field: orNull(text('of an event that is invalid: the field at fault')),
    message: text('of an event that is invalid, or that ingest refused'),
  },
  { optional: ['reason', 'field', 'message'] },
)

/** OpenAPI of `POST /v1/quarantine/redrive`. */
export const redriveSchema = {
  tags: ['lake'],
  summary: 'Send events in quarantine again, patched',
  description:
    'Events whose type is defined by now, or that a patch makes valid, are sent again under their ids; what is stored closes its entry. What would be invalid again is not sent. Needs the scopes `admin` and `ingest`.',
  body: {
    type: 'object',
    additionalProperties: true,
    properties: {
      reason: { type: 'string', description: `${REDRIVABLE.join(' or ')}; default both` },
      type: { type: 'string', description: 'event type' },
      ids: { type: 'array', items: { type: 'string' }, description: 'these event_ids only' },
      patch: {
        type: 'object',
        additionalProperties: true,
        description: 'fields to set in each, `type` among them; null removes one. Of a CloudEvent those of its `data`',
      },
      dry_run: { type: 'boolean', description: 'tells what would be stored, and sends nothing' },
      limit: { type: 'integer', description: `at most this many; 1 to ${MOST_REDRIVEN}, default ${REDRIVEN}` },
      after: { type: 'string', description: '`next` of the answer before' },
    },
    examples: [{ type: 'viewing_logg', patch: { type: 'viewing_log' }, dry_run: true }],
  },
  response: {
    ...answered(
      'what became of each',
      objectOf(
        {
          dry_run: yesOrNo('as asked'),
          counts: namedValues(integer('events'), 'by status, those that some event has'),
          events: listOf(redriven, 'oldest first'),
          next: text('where there are more: what to give as `after`'),
        },
        { optional: ['next'] },
      ),
      {
        dry_run: false,
        counts: { stored: 1 },
        events: [{ event_id: '0199a6f2-52a1-7c3e-8d0b-0b6f8a4c1e55', status: 'stored' }],
      },
    ),
    ...refusals({
      400: 'the request is malformed',
      429: 'ingest has too much to do; send again after Retry-After',
      502: 'ingest answered something else',
      503: 'ingest cannot be reached; send again after Retry-After',
    }),
  },
}

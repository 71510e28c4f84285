import type { FastifyInstance } from 'fastify'
import type { ConsoleRouteParts } from '../console-parts.ts'
import { redrive } from '../redrive/redrive.ts'
import { MOST_REDRIVEN, REDRIVEN, redriveRequest } from '../redrive/redrive-request.ts'
import { sendBy } from '../redrive/send-events.ts'
import { answered, problems } from './schemas.ts'

const schema = {
  tags: ['lake'],
  summary: 'Send events in quarantine again, patched',
  description:
    'Events whose type is defined by now, or that a patch makes valid, are sent again under their ids; what is stored closes its entry. What would be invalid again is not sent. Needs the scopes `admin` and `ingest`.',
  body: {
    type: 'object',
    additionalProperties: true,
    properties: {
      reason: { type: 'string', description: 'unknown_type or schema_violation; default both' },
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
      '`counts` by status; `events`, oldest first, each with its status: `stored`, `repeat`, `quarantined`, `accepted` (not settled in time), `rejected`, `invalid` (not sent, with reason, field and message), `valid` (of a dry run); `next` where there are more',
    ),
    ...problems({
      400: 'the request is malformed',
      429: 'ingest has too much to do',
      502: 'ingest answered something else',
      503: 'ingest cannot be reached',
    }),
  },
} as const

/** The body is checked as it came: the schema would turn a null into a text first. */
const UNCHANGED = () => () => true

/** `POST /v1/quarantine/redrive`. */
export function redriveRoute(app: FastifyInstance, parts: ConsoleRouteParts): void {
  app.post('/v1/quarantine/redrive', { schema, validatorCompiler: UNCHANGED }, async (request) => {
    parts.authorize(request, 'admin')
    const { authorization } = request.headers
    return redrive(redriveRequest(request.body), {
      ...parts,
      send: sendBy(app, authorization),
    })
  })
}

import {
  answered,
  bigInteger,
  instant,
  integer,
  namedValues,
  objectOf,
  oneOf,
  orNull,
  refusals,
  text,
} from './answer-schema.ts'
import { whyQuarantined } from './quarantine-schema.ts'

const trail = objectOf(
  {
    event_id: text('as asked'),
    type: text('event type'),
    outcome: oneOf(['stored', 'quarantined'], 'of the receipt that counts: the stored one, where there is one'),
    received_at: instant('when ingest received it'),
    superseded_by: text('of a keyed table: event_id of the newer event that replaced this one'),
    raw: objectOf({
      key: text('object or segment that holds the raw line'),
      batch: text('raw batch'),
      line: integer('in the batch, from 0'),
    }),
    log: objectOf({ partition: integer('of the event log'), offset: bigInteger('in the partition') }),
    table: objectOf(
      {
        name: text('table'),
        version: integer("whose commit added the row's file; the newest one where that is not known any more"),
        file: orNull(text('that holds the row now; null where the row is in none any more')),
      },
      { description: 'where the row is, or what replaced it; missing where the event was never stored' },
    ),
    quarantine: objectOf(
      {
        ...whyQuarantined,
        closed_by: orNull(
          text('raw batch and line of the later valid event that closed the entry; null while it waits'),
        ),
      },
      { description: 'missing where the event was never in quarantine' },
    ),
    repeats: integer('how often the same event came again'),
    sinks: namedValues(
      objectOf(
        {
          status: oneOf(
            ['written', 'pending', 'refused', 'not_routed'],
            '`refused`: the store cannot hold the row, and why; `not_routed`: it does not get the table',
          ),
          version: orNull(integer('table version that the store holds; null where that is not known')),
          reason: text('why it is refused, or why the store cannot be asked'),
        },
        { optional: ['reason'] },
      ),
      'by store',
    ),
  },
  { optional: ['superseded_by', 'table', 'quarantine'] },
)

/** OpenAPI of `GET /v1/events/{event_id}`. */
export const trailSchema = {
  tags: ['lake'],
  summary: "An event's whole way",
  params: {
    type: 'object',
    properties: { event_id: { type: 'string', examples: ['0199a6f2-52a1-7c3e-8d0b-0b6f8a4c1e55'] } },
    required: ['event_id'],
  },
  response: {
    ...answered('from the raw line to every store', trail, {
      event_id: '0199a6f2-52a1-7c3e-8d0b-0b6f8a4c1e55',
      type: 'viewing_log',
      outcome: 'stored',
      received_at: '2025-10-02T21:10:00.120Z',
      raw: { key: 'raw/0199a6f2/00000001.seg', batch: '0199a6f2-1', line: 0 },
      log: { partition: 3, offset: 1204 },
      table: { name: 'viewing_history', version: 41, file: 'part-00041.parquet' },
      repeats: 0,
      sinks: {
        postgres: { status: 'written', version: 41 },
        influxdb: { status: 'not_routed', version: null },
      },
    }),
    ...refusals({ 404: 'an id never seen, or not settled yet' }),
  },
}

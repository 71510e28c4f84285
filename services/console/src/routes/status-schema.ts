import {
  answered,
  bigInteger,
  integer,
  listOf,
  objectOf,
  oneOf,
  orNull,
  refusals,
  text,
  yesOrNo,
} from './answer-schema.ts'

const sinkTable = objectOf({
  table: text('name'),
  version: orNull(integer('table version that the store holds; null where it has none of this table')),
  head: integer('newest version of the table'),
  behind_versions: integer('versions that the store still has to follow'),
  lag_seconds: { type: 'number', description: 'age of the newest version where the store is behind it, otherwise 0' },
})

const sink = objectOf({
  name: text('store'),
  state: oneOf(
    ['running', 'paused', 'waiting', 'stopped', 'rebuilding', 'failing'],
    '`waiting`: its store fails, and is tried again; `rebuilding`: its store is about to be loaded anew; `failing`: its store cannot be asked',
  ),
  error: orNull(text('why it waits or fails')),
  caught_up: yesOrNo('whether the store holds the newest version of each of its tables'),
  tables: listOf(sinkTable, 'tables that are routed to it; none where the store cannot be asked'),
})

const sinkExample = {
  name: 'postgres',
  state: 'running',
  error: null,
  caught_up: true,
  tables: [{ table: 'viewing_history', version: 41, head: 41, behind_versions: 0, lag_seconds: 0 }],
}

const status = objectOf({
  caught_up: yesOrNo('all that was acknowledged before the call is in tables and stores, readable there'),
  ingest: objectOf({ unpublished_batches: integer('raw batches that are durable and not on the log yet') }),
  log: listOf(
    objectOf({
      partition: integer('from 0'),
      end: bigInteger('offset that the next record gets'),
      next: bigInteger('offset that the ledger decides next'),
      lag: bigInteger('records on the log that are not decided'),
    }),
    'each partition of the event log',
  ),
  log_error: orNull(text('why the log cannot be asked; then nothing is caught up')),
  ledger: objectOf({ version: integer('newest version') }),
  tables: listOf(
    objectOf({
      table: text('name'),
      version: integer('newest version'),
      ledger_version: integer('ledger version that the table has applied; -1: none'),
      ledger_head: integer('newest ledger version that has a plan for the table; -1: none'),
      behind: yesOrNo('whether it has still to apply plans, or to follow the table that it is computed from'),
    }),
  ),
  sinks: listOf(sink),
})

/** OpenAPI of `GET /v1/status`. */
export const statusSchema = {
  tags: ['lake'],
  summary: 'How far each part is',
  response: {
    ...answered('how far each part is', status, {
      caught_up: true,
      ingest: { unpublished_batches: 0 },
      log: [{ partition: 0, end: 1204, next: 1204, lag: 0 }],
      log_error: null,
      ledger: { version: 57 },
      tables: [{ table: 'viewing_history', version: 41, ledger_version: 57, ledger_head: 57, behind: false }],
      sinks: [sinkExample],
    }),
    ...refusals(),
  },
}

/** OpenAPI of `GET /v1/sinks`. */
export const sinksSchema = {
  tags: ['lake'],
  summary: 'The sinks and how far their stores are',
  response: {
    ...answered('the sinks', objectOf({ sinks: listOf(sink) }), { sinks: [sinkExample] }),
    ...refusals(),
  },
}

/** OpenAPI of `POST /v1/sinks/{name}/{action}`. */
export const sinkActionSchema = {
  tags: ['lake'],
  summary: 'Pause, resume or rebuild a sink',
  description:
    'A rebuild loads the newest version of each table anew: on an Elasticsearch server beside the old data, which it then replaces; every other store is emptied first, table by table. Needs the scope `admin`.',
  params: {
    type: 'object',
    properties: {
      name: { type: 'string', description: 'store', examples: ['postgres'] },
      action: { type: 'string', enum: ['pause', 'resume', 'rebuild'] },
    },
    required: ['name', 'action'],
  },
  response: {
    ...answered('the sink afterwards', sink, { ...sinkExample, state: 'paused' }),
    ...refusals({ 400: 'no such action', 404: 'no such sink' }),
  },
}

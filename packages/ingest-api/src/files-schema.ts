import { problemSchema, problems } from '@sluice/service'

const info = {
  path: { type: 'string' },
  key: { type: 'string', description: 'in the object store' },
  sha256: { type: 'string' },
  size: { type: 'integer', description: 'bytes' },
  content_type: { type: 'string' },
  source: { type: 'string', description: 'the API key that sent it' },
  received_at: { type: 'string', format: 'date-time' },
} as const

const kept = ['path', 'key', 'sha256', 'size', 'content_type', 'source', 'received_at'] as const

const rows = {
  rows: { type: 'integer', description: 'that were read' },
  accepted: { type: 'integer', description: 'rows' },
  rejected: { type: 'integer', description: 'rows' },
  errors: {
    type: 'array',
    description: 'the first refused rows',
    items: {
      type: 'object',
      required: ['row', 'code', 'message'],
      properties: {
        row: { type: 'integer', description: 'from 0' },
        code: { type: 'string' },
        message: { type: 'string' },
      },
    },
  },
} as const

const loaded = {
  type: 'object',
  required: [...kept, 'type', 'rows', 'accepted', 'rejected', 'errors'],
  properties: { ...info, type: { type: 'string', description: 'event type of the rows' }, ...rows },
} as const

const stored = {
  path: 'exports/2025-10/views.csv',
  key: 'files/exports/2025-10/views.csv',
  sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  size: 48213,
  content_type: 'text/csv',
  source: 'anonymous',
  received_at: '2025-10-02T21:10:00.000Z',
}

/** OpenAPI of `PUT /v1/files/{path}`. */
export const filesRouteSchema = {
  tags: ['ingest'],
  summary: 'Send a file',
  description:
    'Kept for ever as it is. With `type`, the rows of a CSV, NDJSON or Parquet file (CSV and NDJSON also gzip or zstd) become events of that type; a row without event_id gets one from the hash of the file and its row number.',
  params: { type: 'object', properties: { '*': { type: 'string', description: 'path, with slashes' } } },
  querystring: { type: 'object', properties: { type: { type: 'string', description: 'event type of the rows' } } },
  body: {
    content: {
      'text/csv': {
        schema: { type: 'string', examples: ['user_id,movie_id,watched_at\nu123,m101,2025-10-02T21:10:00\n'] },
      },
      'application/x-ndjson': { schema: { type: 'string' } },
      'application/vnd.apache.parquet': { schema: { type: 'string', format: 'binary' } },
      'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
    },
  },
  response: {
    201: {
      description: 'kept, durable',
      content: {
        'application/json': { schema: { type: 'object', required: kept, properties: info, examples: [stored] } },
      },
    },
    202: {
      description: 'kept, and every row accepted',
      content: {
        'application/json': {
          schema: {
            ...loaded,
            examples: [{ ...stored, type: 'viewing_log', rows: 1, accepted: 1, rejected: 0, errors: [] }],
          },
        },
      },
    },
    207: { description: 'kept; some rows accepted, some refused', content: { 'application/json': { schema: loaded } } },
    400: {
      description: 'no usable path, a body that was cut off, or a file that cannot be read; or every row was refused',
      content: {
        'application/problem+json': {
          schema: { ...problemSchema, properties: { ...problemSchema.properties, ...info, ...rows } },
        },
      },
    },
    ...problems({
      401: 'no API key, or an unknown one',
      403: 'the API key lacks the scope ingest',
      409: 'the path holds other bytes; raw history is never overwritten',
      413: 'the body is beyond its limit',
      415: 'type was given, but the format is none of CSV, NDJSON and Parquet',
      429: 'too many uploads at a time; send again after Retry-After',
      503: 'nothing can be written at present; send again after Retry-After',
    }),
  },
} as const

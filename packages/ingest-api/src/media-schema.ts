import { problems } from '@sluice/service'

const pointer = {
  type: 'object',
  required: ['name', 'sha256', 'key', 'size', 'content_type'],
  properties: {
    name: { type: 'string' },
    sha256: { type: 'string' },
    key: { type: 'string', description: 'in the object store' },
    size: { type: 'integer', description: 'bytes' },
    content_type: { type: 'string' },
  },
} as const

const example = {
  name: 'trailer.mp4',
  sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  key: 'media/sha256/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  size: 3145745,
  content_type: 'video/mp4',
}

/** OpenAPI of `PUT /v1/media/{name}`. */
export const mediaPutSchema = {
  tags: ['media'],
  summary: 'Send a binary object',
  description:
    'Streamed, stored once under the SHA-256 of its bytes. The name stands for the newest bytes sent under it.',
  params: {
    type: 'object',
    properties: { name: { type: 'string', maxLength: 255, description: 'without slashes; not 64 hexadecimal digits' } },
  },
  body: { content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } },
  response: {
    201: {
      description: 'stored, durable',
      content: { 'application/json': { schema: { ...pointer, examples: [example] } } },
    },
    ...problems({
      400: 'no usable name or content type, or a body that was cut off',
      401: 'no API key, or an unknown one',
      403: 'the API key lacks the scope ingest',
      413: 'the body is beyond its limit',
      415: 'a body with a Content-Encoding',
      429: 'too many uploads at a time; send again after Retry-After',
      503: 'the object store cannot write; send again after Retry-After',
    }),
  },
} as const

const bytes = { content: { '*/*': { schema: { type: 'string', format: 'binary' } } } } as const

/** OpenAPI of `GET /v1/media/{sha256 or name}`. */
export const mediaGetSchema = {
  tags: ['media'],
  summary: 'Fetch a binary object by its hash or name',
  description:
    'One range, ETag and If-None-Match. By hash it may be cached for ever; by name it must be asked for again.',
  params: { type: 'object', properties: { name: { type: 'string', description: 'SHA-256 in hexadecimal, or name' } } },
  headers: {
    type: 'object',
    properties: { range: { type: 'string', examples: ['bytes=0-1023'] }, 'if-none-match': { type: 'string' } },
  },
  response: {
    200: { description: 'the bytes', ...bytes },
    206: { description: 'the range asked for', ...bytes },
    304: { description: 'the client has them', type: 'null' },
    ...problems({
      400: 'no name',
      401: 'no API key, or an unknown one',
      403: 'the API key lacks the scopes ingest and query',
      404: 'no such object',
      416: 'a range beyond the end',
      503: 'the object store, or ingest behind the console, is away; ask again after Retry-After',
    }),
  },
} as const

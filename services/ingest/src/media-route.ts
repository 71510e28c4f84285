import { Readable } from 'node:stream'
import { mediaGetSchema, mediaPutSchema } from '@sluice/ingest-api'
import type { Authorize } from '@sluice/service'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { namesTag, requestedRange } from './byte-range.ts'
import type { IngestLimits } from './limits.ts'
import type { MediaBytes, MediaStore } from './media-store.ts'
import { isSha256, mediaName } from './object-path.ts'
import { Problem } from './problem.ts'
import type { Uploads } from './upload.ts'

export interface MediaRouteParts {
  media: MediaStore
  uploads: Uploads
  authorize: Authorize
  limits: IngestLimits
}

const LONGEST_CONTENT_TYPE = 200
const DEFAULT_CONTENT_TYPE = 'application/octet-stream'

/** `PUT` and `GET /v1/media/{name}`: binary objects, streamed both ways, stored under their hash. */
export function mediaRoute(fastify: FastifyInstance, { media, uploads, authorize, limits }: MediaRouteParts): void {
  fastify.put('/v1/media/:name', { schema: mediaPutSchema }, async (request, reply) => {
    authorize(request, 'ingest')
    const name = mediaName(nameOf(request))
    const content_type = contentType(request.headers['content-type'])
    const pointer = await uploads.receive(request.raw, limits.media_limit_bytes, (upload) =>
      media.put(name, upload, content_type),
    )
    return reply.code(201).header('location', `/v1/media/${pointer.sha256}`).send(pointer)
  })

  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/v1/media/:name',
    exposeHeadRoute: false,
    schema: mediaGetSchema,
    handler: async (request, reply) => {
      authorize(request, 'ingest', 'query')
      const name = nameOf(request)
      const found = await media.find(isSha256(name) ? name : mediaName(name))
      if (!found)
        throw new Problem(404, 'not_found', 'expected the name or the SHA-256 of a medium that was sent, came another')
      return send(request, reply, found, isSha256(name))
    },
  })

  async function send(request: FastifyRequest, reply: FastifyReply, found: MediaBytes, by_hash: boolean) {
    const etag = `"${found.sha256}"`
    // Uploads come from anybody: they must not run as pages of this origin.
    reply.headers({
      etag,
      'accept-ranges': 'bytes',
      'cache-control': by_hash ? 'public, max-age=31536000, immutable' : 'no-cache',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
    })
    if (namesTag(request.headers['if-none-match'], etag)) return reply.code(304).send()
    const if_range = request.headers['if-range']
    const is_current = if_range === undefined || if_range === etag
    // Ranges are for GET only (RFC 9110, section 14.2).
    const asked = is_current && request.method === 'GET' ? request.headers.range : undefined
    const range = requestedRange(asked, found.size)
    if (range === 'unsatisfiable') {
      reply.header('content-range', `bytes */${found.size}`)
      throw new Problem(416, 'range_not_satisfiable', `expected a range within ${found.size} bytes`)
    }
    const part = range === 'whole' ? undefined : range
    if (part) reply.code(206).header('content-range', `bytes ${part.start}-${part.end}/${found.size}`)
    reply.header('content-type', found.content_type)
    reply.header('content-length', part ? part.end - part.start + 1 : found.size)
    if (request.method === 'HEAD') return reply.send()
    const bytes = await media.read(found.sha256, part)
    if (!bytes) throw new Problem(404, 'not_found', 'the bytes of this medium are gone')
    return reply.send(bytes instanceof Readable ? bytes : Readable.from(bytes, { objectMode: false }))
  }
}

function nameOf(request: FastifyRequest): string {
  const { params } = request
  if (typeof params === 'object' && params !== null && 'name' in params && typeof params.name === 'string')
    return params.name
  throw new Problem(400, 'invalid_name', 'expected a name in the path')
}

function contentType(header: string | undefined): string {
  if (header === undefined || header === '') return DEFAULT_CONTENT_TYPE
  if (header.length <= LONGEST_CONTENT_TYPE && /^[\w.+-]+\/[\w.+-]+(\s*;[\x20-\x7e]*)?$/.test(header)) return header
  throw new Problem(400, 'invalid_content_type', 'expected a media type like video/mp4')
}

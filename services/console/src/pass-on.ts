import proxy from '@fastify/http-proxy'
import { ProblemError } from '@sluice/service'
import type { FastifyInstance } from 'fastify'

/** Paths that ingest answers. */
const PATHS = ['/v1/events', '/v1/media', '/v1/files'] as const
const TIMEOUT_MS = 120_000

/**
 * Passes ingest's calls on, streamed in both directions, so that one origin serves everything. `GET /v1/events/{id}` is
 * the console's own: a route of its own goes before the pattern.
 */
export async function passOnToIngest(app: FastifyInstance, upstream: string): Promise<void> {
  await app.register(async (scope) => {
    // Bodies go on as they come; parsers of ours would be in the proxy's way.
    scope.removeAllContentTypeParsers()
    for (const prefix of PATHS) await passOn(scope, prefix, upstream)
  })
}

async function passOn(scope: FastifyInstance, prefix: (typeof PATHS)[number], upstream: string): Promise<void> {
  await scope.register(proxy, {
    upstream,
    prefix,
    rewritePrefix: prefix,
    httpMethods: prefix === '/v1/events' ? ['POST'] : ['GET', 'HEAD', 'PUT', 'POST'],
    undici: { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS },
    replyOptions: {
      onError: (reply, { error }) => {
        scope.log.warn({ err: error, upstream }, 'ingest did not answer')
        reply.send(unavailable(error))
      },
    },
  })
}

const unavailable = (cause: unknown) =>
  new ProblemError(
    {
      status: 503,
      code: 'ingest_unavailable',
      title: 'Ingest cannot be reached',
      detail: 'the console passes this call on to ingest, which did not answer; send it again, or to ingest itself',
      retry_after_s: 2,
    },
    { cause },
  )

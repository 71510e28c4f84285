import { PassThrough } from 'node:stream'
import replyFrom from '@fastify/reply-from'
import { eventsRouteSchema, filesRouteSchema, mediaGetSchema, mediaPutSchema } from '@sluice/ingest-api'
import { discardRest, ProblemError } from '@sluice/service'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Ingest is away, or silent, when it has not answered so long after the body; above the longest `?wait=`. */
export const SILENCE_LIMIT_MS = 120_000
/** A file with `?type=` is answered when all of its rows are loaded: above ingest's `file_load_limit_ms`. */
export const FILE_SILENCE_LIMIT_MS = 35 * 60_000

export interface PassOnLimits {
  silence_limit_ms: number
  file_silence_limit_ms: number
}

/** Passes ingest's calls on as they are, streamed in both directions, so that one origin serves everything. */
export async function passOnToIngest(
  app: FastifyInstance,
  upstream: string,
  limits: Partial<PassOnLimits> = {},
): Promise<void> {
  const { silence_limit_ms = SILENCE_LIMIT_MS, file_silence_limit_ms = FILE_SILENCE_LIMIT_MS } = limits
  const within = (timeout: number) => (request: FastifyRequest, reply: FastifyReply) =>
    passOn(request, reply, { upstream, timeout })
  await app.register(async (scope) => {
    // Before anybody reads the body: what is left of one that was refused is read by whoever answers.
    scope.addHook('onRequest', async (request) => refuseElsewhere(pathOf(request)))
    passBodies(scope)
    await scope.register(replyFrom, { base: upstream, disableRequestLogging: true, destroyAgent: true })
    const soon = within(silence_limit_ms)
    scope.post('/v1/events', { schema: eventsRouteSchema }, soon)
    scope.put('/v1/media/:name', { schema: mediaPutSchema }, soon)
    scope.route({
      method: ['GET', 'HEAD'],
      url: '/v1/media/:name',
      exposeHeadRoute: false,
      schema: mediaGetSchema,
      handler: soon,
    })
    scope.put('/v1/files/*', { schema: filesRouteSchema }, within(file_silence_limit_ms))
  })
}

/** Bodies go on as they come; schemas describe, and what is wrong is for ingest to say. */
function passBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  // Ingest's end of the body may be torn off. The client's end must not be: it is answered, and its rest is read.
  scope.addContentTypeParser('*', (_request, payload, done) => {
    const body = new PassThrough()
    payload.once('close', () => {
      if (!payload.readableEnded) body.destroy()
    })
    payload.pipe(body)
    // Losing its pipe has paused it; how much is read is for whoever answers (`discardRest`).
    body.once('close', () => payload.resume())
    done(null, body)
  })
  scope.setValidatorCompiler(() => () => true)
  scope.setSerializerCompiler(() => (value) => JSON.stringify(value))
}

function passOn(
  request: FastifyRequest,
  reply: FastifyReply,
  { upstream, timeout }: { upstream: string; timeout: number },
): FastifyReply {
  return reply.from(pathOf(request), {
    timeout,
    // Each answer is the client's, also a 503, with its Retry-After.
    retryDelay: () => null,
    rewriteRequestHeaders: (_request, headers) => endToEnd(headers),
    rewriteHeaders: endToEnd,
    onResponse: async (_request, reply, { stream }) => {
      // What was refused may still be coming.
      if (await discardRest(request.raw)) reply.removeHeader('connection')
      reply.send(stream)
    },
    onError: (reply, { error }) => {
      reply.log.warn({ err: error, upstream }, 'ingest did not answer')
      reply.send(unavailable(error))
    },
  })
}

/** Clients of a proxy send the whole URL (RFC 9112, section 3.2.2). */
function pathOf({ url }: FastifyRequest): string {
  return url.replace(/^https?:\/\/[^/?]*/i, '').split('?', 1)[0] ?? ''
}

function refuseElsewhere(path: string): void {
  if (!leadsElsewhere(path)) return
  throw new ProblemError({
    status: 400,
    code: 'invalid_path',
    detail: `expected a path without backslashes, and no part of it to be a dot, or to begin or end with two; came ${path.slice(0, 80)}`,
  })
}

/** What a URL's parser resolves: ingest would be called by another path. */
function leadsElsewhere(path: string): boolean {
  return /\\|\/\.\.|\.\.\/|\/\.(\/|$)/.test(decodeURIComponent(path.replaceAll(/%5c/gi, '')))
}

/** Of one connection alone (RFC 9110, section 7.6.1); `Expect` was answered when the body began to be read. */
const HOP_BY_HOP = ['connection', 'expect', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade'] as const

function endToEnd<Headers extends object>(headers: Headers): Headers {
  const kept = { ...headers }
  for (const name of HOP_BY_HOP) Reflect.deleteProperty(kept, name)
  return kept
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

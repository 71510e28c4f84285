import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { answerProblems } from './answer-problems.ts'
import { endConnections } from './end-connections.ts'
import { answerFrameworkError, answerTornRequest } from './framework-problem.ts'
import { timeAnswers } from './http-metrics.ts'
import type { Logger } from './log.ts'
import type { Metrics } from './metrics.ts'
import { serveOpenApi } from './openapi.ts'
import { probeRoutes } from './probes.ts'
import type { Closers } from './shutdown.ts'

export interface AppOptions {
  logger: Logger
  metrics: Metrics
  version: string
}

/** An event_id has at most 256 characters; in a path each may be twelve (`%F0%9F%98%80`). */
const LONGEST_PARAMETER = 256 * 12

/** An HTTP server with what every process of ours answers: problems, probes, metrics, and the API's reference. */
export async function createApp({ logger, metrics, version }: AppOptions): Promise<FastifyInstance> {
  const loggerInstance: FastifyBaseLogger = logger
  const app = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
    // What comes on a connection that is still open is answered like anything else.
    return503OnClosing: false,
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerTornRequest,
  })
  acceptEmptyBody(app)
  endConnections(app)
  answerProblems(app)
  timeAnswers(app, metrics)
  await serveOpenApi(app, version)
  probeRoutes(app, { metrics })
  return app
}

/**
 * Begins to answer. To be opened last: who answers is ready (`/health/ready`); and so it is closed first: no new requests
 * then, and those under way are answered.
 * @returns where it answers
 */
export function serve(
  app: FastifyInstance,
  { port, host }: { port: number; host: string },
  closers: Closers,
): Promise<string> {
  return closers.open(
    'http',
    () => app.listen({ port, host }),
    () => app.close(),
  )
}

/** Many clients name a body's type whether they send a body or not. */
function acceptEmptyBody(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else parse(request, body, done)
  })
}

import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { endConnections } from './end-connections.ts'
import { timeAnswers } from './http-metrics.ts'
import type { Logger } from './log.ts'
import type { Metrics } from './metrics.ts'
import { serveOpenApi } from './openapi.ts'
import { probeRoutes } from './probes.ts'
import { answerProblems } from './problem.ts'

export interface AppOptions {
  logger: Logger
  metrics: Metrics
  version: string
  ready?: () => boolean
}

/** An HTTP server with what every process of ours answers: problems, probes, metrics, and the API's reference. */
export async function createApp({
  logger,
  metrics,
  version,
  ready = () => true,
}: AppOptions): Promise<FastifyInstance> {
  const loggerInstance: FastifyBaseLogger = logger
  const app = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
    // What comes on a connection that is still open is answered like anything else.
    return503OnClosing: false,
  })
  endConnections(app)
  answerProblems(app)
  timeAnswers(app, metrics)
  await serveOpenApi(app, version)
  probeRoutes(app, { metrics, ready })
  return app
}

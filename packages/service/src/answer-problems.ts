import type { FastifyError, FastifyInstance } from 'fastify'
import { discardRest } from './discard-rest.ts'
import { refusalOf } from './framework-problem.ts'
import { knownPaths } from './known-paths.ts'
import { ProblemError, sendProblem } from './problem.ts'

const RETRY_AFTER_S = 2

/**
 * Every error, every unknown route and every method that a path does not have is answered as a problem. What says that
 * it passes by itself (`retryable`: a server that is away) is 503 and to be tried again; what nobody expected is logged.
 * Must come before the routes.
 */
export function answerProblems(app: FastifyInstance): void {
  const methodsOf = knownPaths(app)
  app.setErrorHandler(async (error: FastifyError | ProblemError, request, reply) => {
    // Fastify ends the connection with the answer where a body is too large.
    if (await discardRest(request.raw)) reply.removeHeader('connection')
    if (error instanceof ProblemError) return sendProblem(reply, error.fields)
    if ('retryable' in error && error.retryable === true)
      return sendProblem(reply, {
        status: 503,
        code: 'unavailable',
        title: 'What this needs is away',
        detail: error.message,
        retry_after_s: RETRY_AFTER_S,
      })
    const status =
      'statusCode' in error && error.statusCode !== undefined && error.statusCode < 500 ? error.statusCode : 500
    if (status < 500) return sendProblem(reply, refusalOf(error, status, request))
    request.log.error({ err: error }, 'a request failed')
    return sendProblem(reply, {
      status: 500,
      code: 'internal_error',
      detail: 'this should not have happened; the log has the details under the request id',
      title: `Internal error (request ${request.id})`,
    })
  })
  app.setNotFoundHandler((request, reply) => {
    const { method } = request
    const [path = ''] = request.url.split('?')
    const methods = methodsOf(path)
    if (methods.length === 0)
      return sendProblem(reply, {
        status: 404,
        code: 'unknown_route',
        detail: `there is no ${method} ${path}; the API's reference is at /reference`,
      })
    reply.header('allow', methods.join(', '))
    if (method === 'OPTIONS') return reply.code(204).send()
    return sendProblem(reply, {
      status: 405,
      code: 'method_not_allowed',
      detail: `expected ${methods.join(' or ')} at ${path}, came ${method}; the API's reference is at /reference`,
    })
  })
}

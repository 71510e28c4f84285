import type { FastifyInstance } from 'fastify'
import type { Metrics } from './metrics.ts'

const PROBES = /^\/(metrics|health)/

/** Times every answer, by route and status; probes are left out. Must come before the routes. */
export function timeAnswers(app: FastifyInstance, metrics: Metrics): void {
  const seconds = metrics.seconds('sluice_http_answer_seconds', 'From a request to the end of its answer', [
    'route',
    'status',
  ])
  app.addHook('onResponse', (request, reply, done) => {
    // The pattern, not the path: paths hold names and ids without end.
    const route = request.routeOptions.url ?? 'unknown'
    if (!PROBES.test(route)) seconds.observe({ route, status: String(reply.statusCode) }, reply.elapsedTime / 1000)
    done()
  })
}

import type { FastifyInstance } from 'fastify'
import type { Metrics } from './metrics.ts'

/**
 * `/health/live` and `/health/ready`: the process answers, which it does only once all of its parts are open (see
 * `serve`). A server that is away later makes no process unready: each waits for it by itself, and holds up its own part
 * only; metrics and `GET /v1/status` tell it. `/metrics`: Prometheus.
 */
export function probeRoutes(app: FastifyInstance, { metrics }: { metrics: Metrics }): void {
  const tags = ['operations']
  app.get('/health/live', { schema: { tags, summary: 'Whether the process answers' }, logLevel: 'warn' }, async () => ({
    status: 'live',
  }))
  app.get(
    '/health/ready',
    { schema: { tags, summary: 'Whether all of its parts are open' }, logLevel: 'warn' },
    async () => ({ status: 'ready' }),
  )
  app.get(
    '/metrics',
    { schema: { tags, summary: 'Metrics for Prometheus' }, logLevel: 'warn' },
    async (_request, reply) =>
      reply
        .header('content-type', metrics.contentType)
        .serializer((value) => String(value))
        .send(await metrics.text()),
  )
}

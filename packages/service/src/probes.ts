import type { FastifyInstance } from 'fastify'
import type { Metrics } from './metrics.ts'

/** `/health/live`: the process answers. `/health/ready`: it can do its work. `/metrics`: Prometheus. */
export function probeRoutes(app: FastifyInstance, options: { metrics: Metrics; ready: () => boolean }): void {
  const tags = ['operations']
  app.get('/health/live', { schema: { tags, summary: 'Whether the process answers' }, logLevel: 'warn' }, async () => ({
    status: 'live',
  }))
  app.get(
    '/health/ready',
    { schema: { tags, summary: 'Whether it can do its work' }, logLevel: 'warn' },
    async (_request, reply) => {
      const ready = options.ready()
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'starting' })
    },
  )
  app.get(
    '/metrics',
    { schema: { tags, summary: 'Metrics for Prometheus' }, logLevel: 'warn' },
    async (_request, reply) =>
      reply
        .header('content-type', options.metrics.contentType)
        .serializer((value) => String(value))
        .send(await options.metrics.text()),
  )
}

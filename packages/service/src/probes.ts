import type { FastifyInstance } from 'fastify'
import type { Metrics } from './metrics.ts'

const tags = ['operations']
const TEXT = { type: 'string' } as const

const answered = (status: string) => ({
  200: {
    description: `it is ${status}`,
    content: {
      'application/json': {
        schema: { type: 'object', required: ['status'], properties: { status: { const: status } } },
      },
    },
  },
})

/**
 * `/health/live` and `/health/ready`: the process answers, which it does only once all of its parts are open (see
 * `serve`). A server that is away later makes no process unready: each waits for it by itself, and holds up its own part
 * only; metrics and `GET /v1/status` tell it. `/metrics`: Prometheus.
 */
export function probeRoutes(app: FastifyInstance, { metrics }: { metrics: Metrics }): void {
  const live = { tags, summary: 'Whether the process answers', response: answered('live') }
  app.get('/health/live', { schema: live, logLevel: 'warn' }, async () => ({ status: 'live' }))
  const ready = { tags, summary: 'Whether all of its parts are open', response: answered('ready') }
  app.get('/health/ready', { schema: ready, logLevel: 'warn' }, async () => ({ status: 'ready' }))
  const text = { description: 'in the text format of Prometheus', content: { 'text/plain': { schema: TEXT } } }
  app.get(
    '/metrics',
    { schema: { tags, summary: 'Metrics for Prometheus', response: { 200: text } }, logLevel: 'warn' },
    async (_request, reply) =>
      reply
        .header('content-type', metrics.contentType)
        .serializer((value) => String(value))
        .send(await metrics.text()),
  )
}

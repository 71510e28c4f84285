import { createApp, createLogger, createMetrics } from '@sluice/service'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, expect, it } from 'vitest'
import { passOnToIngest } from '../src/pass-on.ts'

const open: FastifyInstance[] = []
afterEach(async () => {
  for (const app of open.splice(0)) await app.close()
})

async function passingOnTo(upstream: string): Promise<FastifyInstance> {
  const logger = createLogger({ name: 'test', level: 'silent' })
  const app = await createApp({ logger, metrics: createMetrics(), version: '0' })
  open.push(app)
  await passOnToIngest(app, upstream)
  return app
}

it.each(['application/json', 'application/x-ndjson', 'application/cloudevents+json'])(
  'a body of %s goes on to ingest as it came',
  async (content_type) => {
    const ingest = fastify()
    open.push(ingest)
    ingest.removeAllContentTypeParsers()
    ingest.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
    ingest.post('/v1/events', async ({ headers, body }) => ({ type: headers['content-type'], body }))
    const app = await passingOnTo(await ingest.listen({ port: 0, host: '127.0.0.1' }))
    const payload = '{ "type":  "click" }'
    const answer = await app.inject({
      method: 'POST',
      url: '/v1/events',
      headers: { 'content-type': content_type },
      payload,
    })
    expect([answer.statusCode, answer.json()]).toEqual([200, { type: content_type, body: payload }])
  },
)

it('an ingest that is away is told as such, to be tried again', async () => {
  const app = await passingOnTo('http://127.0.0.1:9')
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const answer = await fetch(`${url}/v1/events`, { method: 'POST', body: '{"type":"click"}' })
  expect([answer.status, answer.headers.get('retry-after'), await answer.json()]).toMatchObject([
    503,
    '2',
    { code: 'ingest_unavailable' },
  ])
})

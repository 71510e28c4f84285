import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'

/** `/`: the lake's state, what to try, and the way to the API's reference. */
export function pageRoute(app: FastifyInstance): void {
  const page = readFile(new URL('../page/index.html', import.meta.url), 'utf8')
  app.get('/', { schema: { hide: true } }, async (_request, reply) =>
    reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('cache-control', 'no-cache')
      .send(await page),
  )
}

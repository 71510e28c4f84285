import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifySchema } from 'fastify'

/** Serves the OpenAPI of all routes registered after it at `/openapi.json`, and its rendered reference at `/reference`. */
export async function serveOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    transform: ({ schema, url }) => ({ schema: withNamedRest(schema), url: url.replace(/\*$/, ':path') }),
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sluice',
        version,
        description:
          'Events in over HTTP; Delta Lake tables, four databases and answers out. Errors are `application/problem+json` with a stable `code`.',
        license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      },
      tags: [
        { name: 'ingest', description: 'Events, media and files in' },
        { name: 'media', description: 'Binary objects under their hash, and names for them' },
        { name: 'query', description: 'SQL and questions' },
        { name: 'lake', description: 'State, lineage, reconciliation' },
        { name: 'operations', description: 'Probes and metrics' },
      ],
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }, {}],
    },
  })
  await app.register(swaggerUi, {
    routePrefix: '/reference',
    uiConfig: { docExpansion: 'list', tryItOutEnabled: true, deepLinking: true },
    theme: { title: 'Sluice: API reference', css: [{ filename: 'plain.css', content: '.topbar { display: none }' }] },
  })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}

/** Fastify calls the rest of a path `*`, which no template of OpenAPI can be called. */
function withNamedRest(schema: FastifySchema): FastifySchema {
  const { params } = schema ?? {}
  if (!isObject(params) || !isObject(params['properties']) || !('*' in params['properties'])) return schema
  const { '*': path, ...properties } = params['properties']
  return { ...schema, params: { ...params, properties: { ...properties, path } } }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

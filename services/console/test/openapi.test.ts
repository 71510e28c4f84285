import { createApp, createLogger, createMetrics } from '@sluice/service'
import { questions } from '@sluice/store-postgres'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ConsoleRouteParts } from '../src/console-parts.ts'
import { passOnToIngest } from '../src/pass-on.ts'
import { lakeRoutes } from '../src/routes/lake-routes.ts'
import { questionRoutes } from '../src/routes/questions-route.ts'
import { sqlRoute } from '../src/routes/sql-route.ts'

type Schema = Readonly<Record<string, unknown>>
interface Call {
  tags?: string[]
  responses: Record<
    string,
    { description: string; content?: Record<string, { schema: Schema & { examples?: unknown[] } }> }
  >
}

/** Nothing is called here but the description. */
const parts = { stores: [{ questions }] } as object as ConsoleRouteParts

let calls: [name: string, call: Call][]
let close: () => Promise<void>
beforeAll(async () => {
  const logger = createLogger({ name: 'test', level: 'silent' })
  const app = await createApp({ logger, metrics: createMetrics(), version: '0' })
  close = () => app.close()
  await app.register(async (scope) => {
    scope.setSerializerCompiler(() => (value) => JSON.stringify(value))
    sqlRoute(scope, { ...parts, relations: async () => ({ setup: [], files: [] }) })
    questionRoutes(scope, parts)
    lakeRoutes(scope, parts)
  })
  await passOnToIngest(app, 'http://127.0.0.1:9')
  const paths: Record<string, Record<string, Call>> = (await app.inject('/openapi.json')).json().paths
  calls = Object.entries(paths)
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, call]): [string, Call] => [`${method} ${path}`, call]),
    )
    .filter(([, { tags }]) => !tags?.includes('operations'))
})
afterAll(() => close())

/** Objects of a schema without a shape: neither fields nor one shape for all of them. */
function shapeless(schema: Schema, at: string): string[] {
  const { type, properties, additionalProperties, items } = schema
  const inside = [
    ...Object.entries((properties ?? {}) as Record<string, Schema>),
    ...(isSchema(additionalProperties) ? [['*', additionalProperties] as const] : []),
    ...(isSchema(items) ? [['[]', items] as const] : []),
  ]
  const wrong = inside.flatMap(([name, one]) => shapeless(one, `${at}.${name}`))
  if (type === undefined) return [`${at}: no type`, ...wrong]
  if (type === 'array' && !isSchema(items)) return [`${at}: no items`]
  return type === 'object' && inside.length === 0 ? [`${at}: neither properties nor a shape for all`] : wrong
}

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null

describe('OpenAPI', () => {
  it('tells the calls of the contract', () => {
    expect(calls.map(([name]) => name).sort()).toEqual([
      'get /v1/events/{event_id}',
      'get /v1/media/{name}',
      'get /v1/quarantine',
      'get /v1/questions',
      'get /v1/questions/{name}',
      'get /v1/sinks',
      'get /v1/status',
      'get /v1/tables',
      'get /v1/tables/{name}',
      'get /v1/verify',
      'head /v1/media/{name}',
      'post /v1/events',
      'post /v1/quarantine/redrive',
      'post /v1/sinks/{name}/{action}',
      'post /v1/sql',
      'put /v1/files/{path}',
      'put /v1/media/{name}',
    ])
  })

  it('gives every JSON answer a shape, down to its last field', () => {
    const wrong = calls.flatMap(([name, { responses }]) =>
      Object.entries(responses).flatMap(([status, { content }]) => {
        if (status === '304') return []
        if (!content) return [`${name} ${status}: no content`]
        return Object.entries(content).flatMap(([media_type, { schema }]) =>
          media_type.endsWith('json') ? shapeless(schema, `${name} ${status}`) : [],
        )
      }),
    )
    expect(wrong).toEqual([])
  })

  it('gives examples that have the fields of their schemas, and no others', () => {
    const ajv = new Ajv2020({ allowUnionTypes: true, validateFormats: false })
    const examples = calls.flatMap(([name, { responses }]) =>
      Object.entries(responses).flatMap(([status, { content = {} }]) =>
        Object.values(content).flatMap(({ schema }) =>
          (schema.examples ?? []).map((example) => ({ at: `${name} ${status}`, schema, example })),
        ),
      ),
    )
    const wrong = examples.flatMap(({ at, schema, example }) => {
      const validate = ajv.compile({ ...schema, unevaluatedProperties: false })
      return validate(example) ? [] : [{ at, errors: validate.errors }]
    })
    expect(wrong).toEqual([])
    expect(examples.length).toBeGreaterThan(10)
  })

  it('says of every call what it answers, and how it refuses', () => {
    const wrong = calls.filter(([, { responses }]) => {
      const statuses = Object.keys(responses)
      return !statuses.some((status) => status.startsWith('2')) || !statuses.includes('401')
    })
    expect(wrong.map(([name]) => name)).toEqual([])
    expect(calls.flatMap(([, { responses }]) => Object.values(responses)).every((one) => one.description)).toBe(true)
  })
})

import { ProblemError } from '@sluice/service'
import type { FastifyInstance } from 'fastify'
import type { ConsoleRouteParts } from '../console-parts.ts'
import { statusOf } from '../status.ts'
import { trailOf } from '../trail.ts'
import { caughtUp } from '../verify/caught-up.ts'
import { verify } from '../verify/verify.ts'
import { quarantineRoute } from './quarantine-route.ts'
import { redriveRoute } from './redrive-route.ts'
import { sinkActionSchema, sinksSchema, statusSchema } from './status-schema.ts'
import { tableSchema, tablesSchema } from './tables-schema.ts'
import { trailSchema } from './trail-schema.ts'
import { verifySchema } from './verify-schema.ts'

const VERSIONS_LISTED = 1_000

/** What the lake is and how it does: status, tables, trails, quarantine, sinks, verify. */
export function lakeRoutes(app: FastifyInstance, parts: ConsoleRouteParts): void {
  app.get('/v1/status', { schema: statusSchema }, async (request) => {
    parts.authorize(request, 'query')
    return statusOf(parts, parts.now())
  })

  app.get('/v1/tables', { schema: tablesSchema }, async (request) => {
    parts.authorize(request, 'query')
    const tables = await Promise.all(parts.lake.tables().map((name) => tableOf(name, parts)))
    return { tables }
  })

  app.get<{ Params: { name: string } }>('/v1/tables/:name', { schema: tableSchema }, async (request) => {
    parts.authorize(request, 'query')
    const { name } = request.params
    const table = await tableOf(name, parts)
    if (!table)
      throw new ProblemError({
        status: 404,
        code: 'unknown_table',
        title: 'No such table',
        detail: `there is no table ${name}; there are ${parts.lake.tables().join(', ')}`,
      })
    return { ...table, versions: await parts.lake.history(name, VERSIONS_LISTED) }
  })

  app.get<{ Params: { event_id: string } }>('/v1/events/:event_id', { schema: trailSchema }, async (request) => {
    parts.authorize(request, 'query')
    const trail = await trailOf(request.params.event_id, parts)
    if (!trail)
      throw new ProblemError({
        status: 404,
        code: 'unknown_event',
        title: 'No such event',
        detail: `the ledger has no event with the id ${request.params.event_id}; if it was just sent, it may not have been settled yet`,
      })
    return trail
  })

  quarantineRoute(app, parts)
  redriveRoute(app, parts)

  app.get('/v1/sinks', { schema: sinksSchema }, async (request) => {
    parts.authorize(request, 'query')
    const { sinks } = await statusOf(parts, parts.now())
    return { sinks }
  })

  app.post<{ Params: { name: string; action: string } }>(
    '/v1/sinks/:name/:action',
    { schema: sinkActionSchema },
    async (request) => {
      parts.authorize(request, 'admin')
      const { name, action } = request.params
      const sink = parts.stores.find((store) => store.name === name)
      if (!sink)
        throw new ProblemError({
          status: 404,
          code: 'unknown_sink',
          title: 'No such sink',
          detail: `there is no sink ${name}; there are ${parts.stores.map((store) => store.name).join(', ')}`,
        })
      if (action === 'pause') await sink.runner.pause()
      if (action === 'resume') await sink.runner.resume()
      if (action === 'rebuild') await sink.runner.rebuild()
      const { sinks } = await statusOf(parts, parts.now())
      return sinks.find((status) => status.name === name)
    },
  )

  app.get('/v1/verify', { schema: verifySchema }, async (request) => {
    parts.authorize(request, 'query')
    const { now, sleep } = parts
    return verify({ ...parts, caughtUp: () => caughtUp({ status: () => statusOf(parts, now()), now, sleep }) })
  })
}

async function tableOf(name: string, { lake }: ConsoleRouteParts) {
  const reading = await lake.open(name)
  if (!reading) return undefined
  const bytes = reading.files.reduce((sum, file) => sum + file.size, 0)
  const rows = reading.files.every((file) => file.rows !== null)
    ? reading.files.reduce((sum, file) => sum + (file.rows ?? 0), 0)
    : null
  return {
    name,
    table_id: reading.table_id,
    version: reading.version,
    timestamp: new Date(reading.timestamp_ms).toISOString(),
    schema: reading.columns,
    files: reading.files.length,
    bytes,
    rows,
    health: { small_files: reading.small_files },
  }
}

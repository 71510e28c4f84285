import { ProblemError } from '@sluice/service'
import type { FastifyInstance } from 'fastify'
import type { ConsoleRouteParts } from '../console-parts.ts'
import { isSettled, statusOf } from '../status.ts'
import { trailOf } from '../trail.ts'
import { verify } from '../verify/verify.ts'
import { quarantineRoute } from './quarantine-route.ts'
import { answered, problems } from './schemas.ts'

const VERSIONS_LISTED = 1_000

const named = (what: string) => ({
  params: { type: 'object', properties: { name: { type: 'string', description: what } }, required: ['name'] },
})

/** What the lake is and how it does: status, tables, trails, quarantine, sinks, verify. */
export function lakeRoutes(app: FastifyInstance, parts: ConsoleRouteParts): void {
  app.get(
    '/v1/status',
    {
      schema: {
        tags: ['lake'],
        summary: 'How far each part is',
        response: {
          ...answered('`caught_up`: all that was acknowledged before the call is in tables and stores'),
          ...problems({}),
        },
      },
    },
    async (request) => {
      parts.authorize(request, 'query')
      return statusOf(parts, parts.now())
    },
  )

  app.get(
    '/v1/tables',
    { schema: { tags: ['lake'], summary: 'All tables', response: { ...answered('the tables'), ...problems({}) } } },
    async (request) => {
      parts.authorize(request, 'query')
      const tables = await Promise.all(parts.lake.tables().map((name) => tableOf(name, parts)))
      return { tables }
    },
  )

  app.get<{ Params: { name: string } }>(
    '/v1/tables/:name',
    {
      schema: {
        tags: ['lake'],
        summary: 'A table: schema, files, versions, health',
        ...named('table'),
        response: { ...answered('the table'), ...problems({ 404: 'no such table' }) },
      },
    },
    async (request) => {
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
    },
  )

  app.get<{ Params: { event_id: string } }>(
    '/v1/events/:event_id',
    {
      schema: {
        tags: ['lake'],
        summary: "An event's whole way",
        params: { type: 'object', properties: { event_id: { type: 'string' } }, required: ['event_id'] },
        response: { ...answered('from the raw line to every store'), ...problems({ 404: 'an id never seen' }) },
      },
    },
    async (request) => {
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
    },
  )

  quarantineRoute(app, parts)

  app.get(
    '/v1/sinks',
    {
      schema: {
        tags: ['lake'],
        summary: 'The sinks and how far their stores are',
        response: { ...answered('the sinks'), ...problems({}) },
      },
    },
    async (request) => {
      parts.authorize(request, 'query')
      const { sinks } = await statusOf(parts, parts.now())
      return { sinks }
    },
  )

  app.post<{ Params: { name: string; action: string } }>(
    '/v1/sinks/:name/:action',
    {
      schema: {
        tags: ['lake'],
        summary: 'Pause, resume or rebuild a sink',
        params: {
          type: 'object',
          properties: { name: { type: 'string' }, action: { type: 'string', enum: ['pause', 'resume', 'rebuild'] } },
          required: ['name', 'action'],
        },
        response: {
          ...answered('the sink afterwards'),
          ...problems({ 404: 'no such sink', 409: 'the sink runs in another process' }),
        },
      },
    },
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
      if (!sink.runner)
        throw new ProblemError({
          status: 409,
          code: 'sink_elsewhere',
          title: 'The sink runs in another process',
          detail: `sink ${name} is controlled where it runs: stop or start its service`,
        })
      if (action === 'pause') await sink.runner.pause()
      if (action === 'resume') await sink.runner.resume()
      if (action === 'rebuild') await sink.runner.rebuild()
      const { sinks } = await statusOf(parts, parts.now())
      return sinks.find((status) => status.name === name)
    },
  )

  app.get(
    '/v1/verify',
    {
      schema: {
        tags: ['lake'],
        summary: 'Reconcile raw, ledger, tables and stores, down to event ids',
        response: { ...answered('`ok`, totals, and what is missing, extra or differing where'), ...problems({}) },
      },
    },
    async (request) => {
      parts.authorize(request, 'query')
      return verify({ ...parts, caughtUp: () => caughtUp(parts) })
    },
  )
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
    health: { small_files: reading.files.filter((file) => file.size < SMALL_FILE_BYTES).length },
  }
}

const SMALL_FILE_BYTES = 16 * 1024 ** 2

const CAUGHT_UP_WAIT_MS = 60_000
const CAUGHT_UP_PAUSE_MS = 50

/** Waits until all that was acknowledged before is where it can get; after the time limit verify says what is missing. */
async function caughtUp(parts: ConsoleRouteParts): Promise<void> {
  const until = parts.now() + CAUGHT_UP_WAIT_MS
  while (parts.now() < until) {
    if (isSettled(await statusOf(parts, parts.now()))) return
    await parts.sleep(CAUGHT_UP_PAUSE_MS)
  }
}

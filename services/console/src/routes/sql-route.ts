import { ProblemError } from '@sluice/service'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ConsoleRouteParts } from '../console-parts.ts'
import { acceptedFormat } from '../sql/accepted-format.ts'
import { CONTENT_TYPES } from '../sql/result-format.ts'
import type { Relations } from '../sql/sql-cage.ts'
import type { NamedTable } from '../sql/sql-guard.ts'
import { type SqlRefusalCode, SqlRefused } from '../sql/sql-refused.ts'
import { problems } from './schemas.ts'

export interface SqlRouteParts extends Pick<ConsoleRouteParts, 'cage' | 'authorize'> {
  /** Finds the tables that a statement names; throws `SqlRefused` for an unknown one. */
  relations: (tables: NamedTable[]) => Promise<Relations>
}

const STATUS: Readonly<Record<SqlRefusalCode, number>> = {
  not_one_select: 400,
  syntax_error: 400,
  forbidden_function: 403,
  forbidden_statement: 403,
  unknown_table: 404,
  unknown_version: 404,
  sql_error: 400,
  too_many_rows: 413,
  out_of_memory: 413,
  too_long: 413,
  timeout: 408,
  busy: 429,
  crashed: 500,
}

const BODY_LIMIT_BYTES = 1024 * 1024

const schema = {
  tags: ['query'],
  summary: 'Run one SELECT',
  description:
    "DuckDB SQL over all tables, `ledger`, `quarantine`, `raw.events`, `raw.<type>` and `s3_clickstream_logs`; `FROM t VERSION AS OF n` and `TIMESTAMP AS OF '…'`. JSON, or by `Accept`: `application/x-ndjson`, `text/csv`, `application/vnd.apache.arrow.stream`. At most a million rows. A result that fails after its first megabytes were sent breaks off: its body does not end, and the reason is in the console's log.",
  body: {
    type: 'object',
    required: ['sql'],
    properties: { sql: { type: 'string', minLength: 1 } },
    examples: [
      { sql: 'SELECT movie_id, count(*) AS views FROM viewing_history GROUP BY movie_id ORDER BY views DESC' },
    ],
  },
  response: {
    200: {
      description: 'the result',
      content: {
        'application/json': {
          schema: {
            type: 'object',
            properties: {
              columns: {
                type: 'array',
                items: { type: 'object', properties: { name: { type: 'string' }, type: { type: 'string' } } },
              },
              rows: { type: 'array', items: { type: 'object', additionalProperties: true } },
            },
          },
        },
        'application/x-ndjson': { schema: { type: 'string' } },
        'text/csv': { schema: { type: 'string' } },
        'application/vnd.apache.arrow.stream': { schema: { type: 'string' } },
      },
    },
    ...problems({
      400: 'not one SELECT, or DuckDB refuses it',
      403: 'it reads more than the lake’s tables',
      404: 'an unknown table or version',
      408: 'it took too long',
      413: 'too large a result',
      429: 'too many statements at a time',
    }),
  },
} as const

export function sqlRoute(app: FastifyInstance, parts: SqlRouteParts): void {
  // Who may not ask is told nothing of the body.
  const onRequest = async (request: FastifyRequest) => void parts.authorize(request, 'query')
  const options = { schema, bodyLimit: BODY_LIMIT_BYTES, onRequest }
  app.post<{ Body: { sql: string } }>('/v1/sql', options, async (request, reply) => {
    const format = acceptedFormat(request.headers.accept)
    try {
      const body = await parts.cage.query(request.body.sql, format, parts.relations)
      body.once('error', (error) => {
        // A body that breaks off has no place for its reason.
        if (error instanceof SqlRefused)
          request.log.warn({ code: error.code, reason: error.message }, 'the result of a statement broke off')
      })
      return reply.header('content-type', CONTENT_TYPES[format]).send(body)
    } catch (error) {
      if (error instanceof SqlRefused) throw problemOf(error)
      throw error
    }
  })
}

function problemOf(error: SqlRefused): ProblemError {
  const busy = error.code === 'busy' ? { retry_after_s: 1 } : {}
  return new ProblemError({
    status: STATUS[error.code],
    code: error.code,
    title: 'The statement was refused',
    detail: error.message,
    ...busy,
  })
}

import { ProblemError } from '@sluice/service'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ConsoleRouteParts } from '../console-parts.ts'
import { acceptedFormat } from '../sql/accepted-format.ts'
import { CONTENT_TYPES } from '../sql/result-format.ts'
import type { Relations } from '../sql/sql-cage.ts'
import type { NamedTable } from '../sql/sql-guard.ts'
import { type SqlRefusalCode, SqlRefused } from '../sql/sql-refused.ts'
import { sqlSchema } from './sql-schema.ts'

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

export function sqlRoute(app: FastifyInstance, parts: SqlRouteParts): void {
  // Who may not ask is told nothing of the body.
  const onRequest = async (request: FastifyRequest) => void parts.authorize(request, 'query')
  const options = { schema: sqlSchema, bodyLimit: BODY_LIMIT_BYTES, onRequest }
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

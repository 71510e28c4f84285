import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'

export interface ProblemFields {
  status: number
  /** Stable; clients may depend on it. */
  code: string
  title?: string
  /** What was expected, what came, what to do. */
  detail: string
  retry_after_s?: number
}

/** A refusal that is answered as `application/problem+json` (RFC 9457). */
export class ProblemError extends Error {
  readonly fields: ProblemFields
  constructor(fields: ProblemFields, options?: { cause?: unknown }) {
    super(fields.detail, { cause: options?.cause })
    this.name = 'ProblemError'
    this.fields = fields
  }
}

export function sendProblem(
  reply: FastifyReply,
  { status, code, title, detail, retry_after_s }: ProblemFields,
): FastifyReply {
  if (retry_after_s !== undefined) reply.header('retry-after', String(retry_after_s))
  return reply
    .code(status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .serializer((value) => String(value))
    .send(
      JSON.stringify({
        type: 'about:blank',
        title: title ?? STATUS_CODES[status] ?? 'Error',
        status,
        code,
        detail,
        retryable: retry_after_s !== undefined,
      }),
    )
}

const RETRY_AFTER_S = 2

/**
 * Every error and every unknown route of a server is answered as a problem. What says that it passes by itself
 * (`retryable`: a server that is away) is 503 and to be tried again; what nobody expected is logged.
 */
export function answerProblems(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | ProblemError, request, reply) => {
    if (error instanceof ProblemError) return sendProblem(reply, error.fields)
    if ('retryable' in error && error.retryable === true)
      return sendProblem(reply, {
        status: 503,
        code: 'unavailable',
        title: 'What this needs is away',
        detail: error.message,
        retry_after_s: RETRY_AFTER_S,
      })
    const status =
      'statusCode' in error && error.statusCode !== undefined && error.statusCode < 500 ? error.statusCode : 500
    if (status < 500) return sendProblem(reply, { status, code: codeFrom(error), detail: error.message })
    request.log.error({ err: error }, 'a request failed')
    return sendProblem(reply, {
      status: 500,
      code: 'internal_error',
      detail: 'this should not have happened; the log has the details under the request id',
      title: `Internal error (request ${request.id})`,
    })
  })
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, {
      status: 404,
      code: 'unknown_route',
      detail: `there is no ${request.method} ${request.url.split('?')[0]}; the API's reference is at /reference`,
    }),
  )
}

function codeFrom(error: FastifyError | ProblemError): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'bad_request'
  return code.replace(/^FST_ERR_(CTP_)?/, '').toLowerCase()
}

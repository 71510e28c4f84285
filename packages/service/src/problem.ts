import { STATUS_CODES } from 'node:http'
import type { FastifyReply } from 'fastify'

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

/** Content-Type of every refusal. */
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

export function sendProblem(reply: FastifyReply, fields: ProblemFields): FastifyReply {
  if (fields.status === 401) reply.header('www-authenticate', 'Bearer')
  if (fields.retry_after_s !== undefined) reply.header('retry-after', String(fields.retry_after_s))
  return reply
    .code(fields.status)
    .header('content-type', PROBLEM_TYPE)
    .serializer((value) => String(value))
    .send(problemText(fields))
}

export function problemText({ status, code, title, detail, retry_after_s }: ProblemFields): string {
  return JSON.stringify({
    type: 'about:blank',
    title: title ?? STATUS_CODES[status] ?? 'Error',
    status,
    code,
    detail,
    retryable: retry_after_s !== undefined,
  })
}

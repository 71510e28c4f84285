import { STATUS_CODES } from 'node:http'
import { ObjectStoreError } from '@sluice/object-store'
import { discardRest } from '@sluice/service'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** A refusal of a whole request, sent as `application/problem+json`. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly retry_after_s: number | undefined
  constructor(status: number, code: string, message: string, options?: { retry_after_s?: number; cause?: unknown }) {
    super(message, { cause: options?.cause })
    this.name = 'Problem'
    this.status = status
    this.code = code
    this.retry_after_s = options?.retry_after_s
  }
}

/** Answers with the problem; anything else that was thrown goes on to the server's own error handler. */
export async function answerProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const problem = error instanceof ObjectStoreError ? notStored(error) : error
  if (!(problem instanceof Problem)) throw problem
  const { status, code, message: detail, retry_after_s } = problem
  if (retry_after_s !== undefined) reply.header('retry-after', String(retry_after_s))
  if (!(await discardRest(request.raw))) reply.header('connection', 'close')
  const title = STATUS_CODES[status] ?? 'Error'
  const retryable = retry_after_s !== undefined
  return reply
    .code(status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(JSON.stringify({ type: 'about:blank', title, status, code, detail, retryable }))
}

function notStored(cause: ObjectStoreError): Problem {
  if (cause.code === 'invalid_key') return new Problem(400, 'invalid_name', cause.message, { cause })
  return new Problem(503, cause.code, 'the object store cannot be used at present; send again', {
    retry_after_s: 5,
    cause,
  })
}

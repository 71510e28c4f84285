import { ObjectStoreError } from '@sluice/object-store'
import { discardRest, ProblemError, sendProblem } from '@sluice/service'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'

/** A refusal of a whole request, sent as `application/problem+json`. */
export class Problem extends ProblemError {
  constructor(status: number, code: string, detail: string, options?: { retry_after_s?: number; cause?: unknown }) {
    super({ status, code, detail, retry_after_s: options?.retry_after_s }, { cause: options?.cause })
    this.name = 'Problem'
  }

  get status(): number {
    return this.fields.status
  }

  get code(): string {
    return this.fields.code
  }
}

/**
 * Answers with the problem; anything else that was thrown goes on to the server's own error handler. That one would do
 * for all but two things: bodies are streams here that no parser looked at, so that a connection which cannot go on has
 * to be ended by us, and what the object store says has codes of its own.
 */
export async function answerProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const problem = error instanceof ObjectStoreError ? notStored(error, request.log) : error
  if (!(problem instanceof ProblemError)) throw problem
  if (!(await discardRest(request.raw))) reply.header('connection', 'close')
  return sendProblem(reply, problem.fields)
}

/**
 * Whatever keeps the object store from taking events, a client that sends again loses none: also where access is denied,
 * which its operator has to mend and is told of here.
 */
function notStored(cause: ObjectStoreError, log: FastifyBaseLogger): Problem {
  if (cause.code === 'invalid_key') return new Problem(400, 'invalid_name', cause.message, { cause })
  if (!cause.retryable && cause.code !== 'no_space')
    log.error({ err: cause }, 'the object store refuses what is to be kept')
  return new Problem(503, cause.code, 'the object store cannot be used at present; send again', {
    retry_after_s: 5,
    cause,
  })
}

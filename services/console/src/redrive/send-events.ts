import { ProblemError } from '@sluice/service'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { SendableEvent } from './judged-entry.ts'

const WAIT_MS = 30_000

const answer = z.object({
  results: z.array(
    z.object({ status: z.string(), error: z.object({ code: z.string(), message: z.string() }).optional() }),
  ),
})
const problem = z.object({ status: z.number(), code: z.string(), title: z.string(), detail: z.string().optional() })

export interface SentEvent {
  status: string
  reason?: string
  message?: string
}

/** What became of events of one form, in order. */
export type SendEvents = (events: readonly SendableEvent[]) => Promise<SentEvent[]>

/**
 * Sends events to ingest as their client would, by this server's own `POST /v1/events`, and waits for their tables.
 * @throws ProblemError as ingest refused them
 */
export function sendBy(app: FastifyInstance, authorization: string | undefined): SendEvents {
  return async (events) => {
    const [first] = events
    if (!first) return []
    const texts = events.map(({ text }) => text)
    const as_lines = first.form === 'event'
    const response = await app.inject({
      method: 'POST',
      url: `/v1/events?wait=table&timeout_ms=${WAIT_MS}`,
      headers: {
        ...(authorization === undefined ? {} : { authorization }),
        'content-type': as_lines ? 'application/x-ndjson' : 'application/cloudevents-batch+json',
      },
      payload: as_lines ? `${texts.join('\n')}\n` : `[${texts.join(',')}]`,
    })
    const body = jsonOf(response.body)
    const answered = answer.safeParse(body)
    if (!answered.success || answered.data.results.length !== events.length)
      throw refusal(body ?? response.body, Number(response.headers['retry-after'] ?? Number.NaN))
    return answered.data.results.map(({ status, error }) => ({
      status,
      ...(error ? { reason: error.code, message: error.message } : {}),
    }))
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function refusal(body: unknown, retry_after_s: number): ProblemError {
  const told = problem.safeParse(body)
  if (!told.success)
    return new ProblemError({
      status: 502,
      code: 'ingest_answer',
      title: 'Ingest answered something else',
      detail: `expected the outcome of each event; ${JSON.stringify(body).slice(0, 200)} came`,
    })
  const { status, code, title, detail = title } = told.data
  return new ProblemError({
    status,
    code,
    title,
    detail: `${detail}; what was sent before is in the lake, so send the same request again`,
    ...(Number.isNaN(retry_after_s) ? {} : { retry_after_s }),
  })
}

import type { IncomingMessage } from 'node:http'
import { eventsRouteSchema } from '@sluice/ingest-api'
import { type Authorize, PROBLEM_TYPE } from '@sluice/service'
import type { FastifyInstance } from 'fastify'
import type { Admission, Hold } from './admission.ts'
import type { CheckEvent } from './event-acceptance.ts'
import { answerStatus, answerText, type EventBatch, eventBatch } from './event-batch.ts'
import { type BodyForm, bodyForm, eventSpans } from './event-form.ts'
import { freshEventId, idempotentEventId, type NewEventId } from './event-id.ts'
import type { DurablePlace, RequestLines } from './group-commit.ts'
import type { IngestMetrics } from './ingest-metrics.ts'
import type { JsonSpan } from './json-span.ts'
import type { IngestLimits } from './limits.ts'
import type { Outcomes, SettledStatus } from './outcomes.ts'
import { Problem } from './problem.ts'
import { receivedAt } from './received-at.ts'
import { requestBody } from './request-body.ts'
import { type WaitRequest, waitRequest } from './wait-request.ts'

export interface EventsRouteParts {
  admission: Admission
  authorize: Authorize
  check: CheckEvent
  commit: (lines: RequestLines) => Promise<DurablePlace>
  outcomes: Outcomes | undefined
  limits: IngestLimits
  metrics: IngestMetrics
  now: () => number
}

const JSON_TYPE = 'application/json; charset=utf-8'

/** `POST /v1/events`: every form of events in, an outcome for each out, durable before the answer. */
export function eventsRoute(fastify: FastifyInstance, parts: EventsRouteParts): void {
  const { admission, authorize, check, limits, metrics, now } = parts
  const wait_limits = { waiting_events: 0, limit: limits.waiting_limit_events }

  // Nobody waits longer than the server lives.
  const closing = new AbortController()
  fastify.addHook('preClose', (done) => {
    closing.abort()
    done()
  })

  fastify.post('/v1/events', { schema: eventsRouteSchema }, async (request, reply) => {
    const source = authorize(request, 'ingest').name
    const form = bodyForm(request.headers['content-type'])
    const wait = waitRequest(queryOf(request.query), limits.wait_limit_ms)
    const newEventId = newEventIdOf(request.headers['idempotency-key'], source)
    const hold = admission.hold(source)
    try {
      const spans = await spansOf(request.raw, form, hold)
      const envelope = {
        form: form === 'cloudevent' || form === 'cloudevent_batch' ? ('cloudevent' as const) : ('event' as const),
        received_at: receivedAt(now()),
        source,
        wait: wait ? (1 as const) : (0 as const),
        newEventId,
      }
      const batch = eventBatch(spans, envelope, check)
      metrics.checked(batch.acceptances, batch.rejected)
      const settled = wait ? await commitAndWait(batch, wait) : await commitOnly(batch)
      const status = answerStatus(batch)
      reply.code(status).header('content-type', status === 400 ? PROBLEM_TYPE : JSON_TYPE)
      return reply.send(answerText(batch, settled))
    } finally {
      hold.release()
    }
  })

  /** The body's bytes are free when it returns: who waits for an outcome holds the text alone. */
  async function spansOf(request: IncomingMessage, form: BodyForm, hold: Hold): Promise<JsonSpan[]> {
    const body = await requestBody(request, limits.body_limit_bytes, hold)
    metrics.received(body.length)
    return eventSpans(body, form, limits.events_per_request)
  }

  async function commitOnly(batch: EventBatch): Promise<undefined> {
    if (batch.event_ids.length > 0) await parts.commit(batch.lines)
  }

  async function commitAndWait(
    batch: EventBatch,
    { level, timeout_ms }: WaitRequest,
  ): Promise<readonly (SettledStatus | undefined)[] | undefined> {
    const count = batch.event_ids.length
    if (!parts.outcomes || count === 0) return commitOnly(batch)
    if (wait_limits.waiting_events + count > wait_limits.limit)
      throw new Problem(
        429,
        'too_many_waiting',
        `expected at most ${wait_limits.limit} events to be waited for at a time`,
        {
          retry_after_s: 1,
        },
      )
    const cancel = new AbortController()
    wait_limits.waiting_events += count
    try {
      const signal = AbortSignal.any([cancel.signal, closing.signal])
      const outcomes = parts.outcomes.waitFor(batch.event_ids, level, timeout_ms, signal)
      await parts.commit(batch.lines)
      return await outcomes
    } finally {
      cancel.abort()
      wait_limits.waiting_events -= count
    }
  }
}

function newEventIdOf(header: string | string[] | undefined, source: string): NewEventId {
  if (header === undefined) return freshEventId
  if (typeof header === 'string' && header.length >= 1 && header.length <= 256) return idempotentEventId(source, header)
  throw new Problem(400, 'invalid_idempotency_key', 'expected an Idempotency-Key of 1 to 256 characters')
}

function queryOf(query: unknown): Readonly<Record<string, unknown>> {
  return typeof query === 'object' && query !== null ? { ...query } : {}
}

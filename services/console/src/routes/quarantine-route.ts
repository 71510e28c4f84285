import { ProblemError } from '@sluice/service'
import type { FastifyInstance } from 'fastify'
import type { ConsoleRouteParts } from '../console-parts.ts'
import { type QuarantinePlace, quarantinePlace } from '../quarantine-place.ts'
import { LISTED, MOST_LISTED, quarantineSchema } from './quarantine-schema.ts'

/** An answer ends after the row whose text goes beyond it: a text may have megabytes. */
const TEXT_BYTES = 16 * 1024 ** 2

interface Given {
  reason?: string
  type?: string
  limit?: string
  after?: string
}

/** The texts are read last, of those rows alone that are answered. */
const PAGE = `
  WITH candidates AS (
    SELECT received_at, raw_batch, raw_line, strlen(text) AS bytes FROM quarantine
    WHERE closed_by IS NULL AND ($reason IS NULL OR reason = $reason) AND ($type IS NULL OR type = $type)
      AND ($batch IS NULL OR (received_at, raw_batch, raw_line) <
        (SELECT (received_at, raw_batch, raw_line) FROM quarantine WHERE raw_batch = $batch AND raw_line = $line))
    ORDER BY received_at DESC, raw_batch DESC, raw_line DESC LIMIT $limit::BIGINT + 1
  ), placed AS (
    SELECT raw_batch, raw_line, row_number() OVER newest AS place, coalesce(sum(bytes) OVER before, 0) AS bytes_before
    FROM candidates
    WINDOW newest AS (ORDER BY received_at DESC, raw_batch DESC, raw_line DESC),
      before AS (newest ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
  ), chosen AS (
    SELECT raw_batch, raw_line, place, place = (SELECT count(*) FROM candidates) AS is_last
    FROM placed WHERE place <= $limit AND bytes_before <= $bytes
  )
  SELECT event_id, type, reason, field, message, text, received_at, raw_batch, raw_line, is_last
  FROM quarantine JOIN chosen USING (raw_batch, raw_line) ORDER BY place`

/** `GET /v1/quarantine`: page by page, each beginning after a row that is known by its raw batch and line. */
export function quarantineRoute(app: FastifyInstance, { lake, sql, authorize }: ConsoleRouteParts): void {
  app.get<{ Querystring: Given }>('/v1/quarantine', { schema: quarantineSchema }, async (request) => {
    authorize(request, 'query')
    const { reason = null, type = null } = request.query
    const limit = limitOf(request.query)
    const after = placeOf(request.query)
    const quarantine = await lake.open('quarantine')
    if (!quarantine) return { events: [] }
    const { rows } = await sql.query(
      { files: [], setup: [`CREATE VIEW quarantine AS SELECT * FROM ${quarantine.relation}`] },
      PAGE,
      { reason, type, batch: after?.batch ?? null, line: after?.line ?? null, limit, bytes: TEXT_BYTES },
    )
    const events = rows.map(({ is_last: _, ...row }) =>
      row['reason'] === 'unknown_type' ? { ...row, message: `⚠️ Unknown event type: ${String(row['type'])}` } : row,
    )
    const last = rows.at(-1)
    if (!last || last['is_last']) return { events }
    return { events, next: `${String(last['raw_batch'])}/${String(last['raw_line'])}` }
  })
}

function limitOf({ limit = String(LISTED) }: Given): number {
  if (/^\d{1,4}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= MOST_LISTED) return Number(limit)
  throw refused(`limit: expected a whole number from 1 to ${MOST_LISTED}, got ${JSON.stringify(limit)}`)
}

function placeOf({ after }: Given): QuarantinePlace | undefined {
  if (after === undefined) return undefined
  const place = quarantinePlace(after)
  if (!place) throw refused(`after: expected the next of an answer, got ${JSON.stringify(after)}`)
  return place
}

const refused = (detail: string) =>
  new ProblemError({ status: 400, code: 'invalid_parameter', title: 'A parameter is not as it should be', detail })

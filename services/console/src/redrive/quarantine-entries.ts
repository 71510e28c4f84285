import type { LakeReader } from '../lake-reader.ts'
import type { TrustedSql } from '../trusted-sql.ts'
import { malformed, REDRIVABLE, type RedriveRequest } from './redrive-request.ts'

export interface QuarantineEntry {
  event_id: string
  raw_batch: string
  raw_line: number
}

/** Of an id that came more than once the newest: once one is stored, the others would conflict with it. */
const ENTRIES = `
  WITH newest AS (
    SELECT event_id, type, reason, received_at, raw_batch, raw_line FROM quarantine
    WHERE closed_by IS NULL AND reason IN (${REDRIVABLE.map((reason) => `'${reason}'`).join(', ')})
    QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY received_at DESC, raw_batch DESC, raw_line DESC) = 1
  )
  SELECT event_id, raw_batch, raw_line FROM newest
  WHERE ($reason IS NULL OR reason = $reason) AND ($type IS NULL OR type = $type)
    AND ($ids IS NULL OR event_id IN (SELECT unnest(from_json($ids, '["VARCHAR"]'))))
    AND ($batch IS NULL OR (received_at, raw_batch, raw_line) >
      (SELECT (received_at, raw_batch, raw_line) FROM quarantine WHERE raw_batch = $batch AND raw_line = $line))
  ORDER BY received_at, raw_batch, raw_line LIMIT $limit::BIGINT + 1`

const ENTRY = 'SELECT 1 FROM quarantine WHERE raw_batch = $batch AND raw_line = $line LIMIT 1'

/** What waits in quarantine and can be driven again, oldest first. `next` where there is more. */
export async function quarantineEntries(
  { reason, type, ids, limit, after }: RedriveRequest,
  { lake, sql }: { lake: LakeReader; sql: TrustedSql },
): Promise<{ entries: QuarantineEntry[]; next: string | undefined }> {
  const quarantine = await lake.open('quarantine')
  if (!quarantine) return { entries: [], next: undefined }
  const relations = { files: [], setup: [`CREATE VIEW quarantine AS SELECT * FROM ${quarantine.relation}`] }
  if (after && (await sql.query(relations, ENTRY, { ...after })).rows.length === 0)
    throw malformed(`after: expected the next of an answer, got ${after.batch}/${after.line}`)
  const { rows } = await sql.query(relations, ENTRIES, {
    reason: reason ?? null,
    type: type ?? null,
    ids: ids ? JSON.stringify(ids) : null,
    batch: after?.batch ?? null,
    line: after?.line ?? null,
    limit,
  })
  const entries = rows.slice(0, limit).map((row) => ({
    event_id: String(row['event_id']),
    raw_batch: String(row['raw_batch']),
    raw_line: Number(row['raw_line']),
  }))
  const last = entries.at(-1)
  return { entries, next: last && rows.length > limit ? `${last.raw_batch}/${last.raw_line}` : undefined }
}

import type { Acceptance, CheckEvent, RequestEnvelope } from './event-acceptance.ts'
import type { RequestLines } from './group-commit.ts'
import type { JsonSpan } from './json-span.ts'
import type { SettledStatus } from './outcomes.ts'

/** The events of one request: what goes into the raw zone, and what the client is told of each. */
export interface EventBatch {
  lines: RequestLines
  /** Of the accepted events, in the order of their lines. */
  event_ids: readonly string[]
  /** One for each event sent, in their order. */
  acceptances: readonly Acceptance[]
  rejected: number
}

/** Raw lines carry this much around the client's text, about. */
const ENVELOPE_BYTES = 200

export function eventBatch(spans: readonly JsonSpan[], request: RequestEnvelope, check: CheckEvent): EventBatch {
  const tails: string[] = []
  const partitions: number[] = []
  const event_ids: string[] = []
  const acceptances: Acceptance[] = []
  let bytes = 0
  for (let index = 0; index < spans.length; index++) {
    const span = spans[index]
    if (!span) continue
    const acceptance = check(span, index, request)
    acceptances.push(acceptance)
    if (acceptance.kind === 'rejected') continue
    tails.push(acceptance.tail)
    partitions.push(acceptance.partition)
    event_ids.push(acceptance.event_id)
    bytes += acceptance.tail.length + ENVELOPE_BYTES
  }
  return { lines: { tails, partitions, bytes }, event_ids, acceptances, rejected: spans.length - tails.length }
}

/** 202 where all were accepted, 207 where some were, 400 where none was. */
export function answerStatus(batch: EventBatch): 202 | 207 | 400 {
  if (batch.rejected === 0) return 202
  return batch.event_ids.length > 0 ? 207 : 400
}

/**
 * The answer as JSON. `settled` holds the outcomes of the accepted events in their order, where they were waited for.
 * Where all were refused it is a problem document (RFC 9457) with the same members.
 */
export function answerText(batch: EventBatch, settled?: readonly (SettledStatus | undefined)[]): string {
  const results: string[] = []
  let line = 0
  for (let index = 0; index < batch.acceptances.length; index++) {
    const acceptance = batch.acceptances[index]
    if (!acceptance) continue
    if (acceptance.kind === 'accepted') {
      const warning = acceptance.warning === undefined ? '' : `,"warning":${JSON.stringify(acceptance.warning)}`
      const status = settled?.[line++] ?? 'accepted'
      results.push(
        `{"index":${index},"event_id":${JSON.stringify(acceptance.event_id)},"status":"${status}"${warning}}`,
      )
    } else {
      const { event_id, code, detail } = acceptance
      const id = event_id === undefined ? '' : `"event_id":${JSON.stringify(event_id)},`
      results.push(`{"index":${index},${id}"status":"rejected","error":${JSON.stringify({ code, message: detail })}}`)
    }
  }
  const problem =
    batch.event_ids.length > 0
      ? ''
      : '"type":"about:blank","title":"Bad Request","status":400,"code":"all_rejected","detail":"every event was refused; see results","retryable":false,'
  return `{${problem}"accepted":${batch.event_ids.length},"rejected":${batch.rejected},"results":[${results.join(',')}]}`
}

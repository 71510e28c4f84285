import { type EventTypes, rawLine, rawLineTail } from '@sluice/events'
import { exactLine } from '@sluice/lake'
import { type Patch, patchedEvent } from './patched-event.ts'
import type { QuarantineEntry } from './quarantine-entries.ts'
import type { RawEvent } from './raw-events.ts'

/** An event that would be stored, as it is to be sent. */
export interface SendableEvent {
  form: 'event' | 'cloudevent'
  text: string
}

export interface Refused {
  reason: string
  field: string | null
  message: string
}

/** What is to be sent of an entry, or why it would be in quarantine again. */
export type Judged = { event_id: string } & ({ event: SendableEvent } | { refused: Refused })

/** By the event types of this process, and by the same rules as the transformer's. */
export function judgedEntry(
  { event_id, raw_batch, raw_line }: QuarantineEntry,
  original: RawEvent | { unreadable: string },
  patch: Patch,
  types: EventTypes,
): Judged {
  const unreadable = (message: string) => ({ event_id, refused: { reason: 'unreadable', field: null, message } })
  if ('unreadable' in original) return unreadable(original.unreadable)
  const patched = patchedEvent(original.text, { ...original, event_id }, patch)
  if (!patched) return unreadable('expected a JSON object, and of a CloudEvent one as its data, to be patched')
  const { form } = original
  const { type, text } = patched
  const envelope = { event_id, received_at: AT_ANY_TIME, source: '', type, form, wait: 0 } as const
  const { outcome } = exactLine(rawLine(raw_batch, raw_line, rawLineTail(envelope, text)), true, types)
  if (!('reason' in outcome)) return { event_id, event: { form, text } }
  const { reason, field, message } = outcome
  return { event_id, refused: { reason, field, message } }
}

/** Whether an event is valid does not depend on it. */
const AT_ANY_TIME = '2000-01-01T00:00:00.000Z'

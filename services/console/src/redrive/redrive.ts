import type { EventTypes } from '@sluice/events'
import type { RawZone } from '@sluice/raw-zone'
import type { LakeReader } from '../lake-reader.ts'
import type { TrustedSql } from '../trusted-sql.ts'
import { judgedEntry, type SendableEvent } from './judged-entry.ts'
import { quarantineEntries } from './quarantine-entries.ts'
import { RawEvents } from './raw-events.ts'
import type { RedriveRequest } from './redrive-request.ts'
import type { SendEvents } from './send-events.ts'

export interface RedriveParts {
  lake: LakeReader
  sql: TrustedSql
  rawZone: RawZone
  eventTypes: EventTypes
  send: SendEvents
}

/**
 * What became of one entry. `valid`: it would be stored (of a dry run). `invalid`: it was not sent, as it would be in
 * quarantine again, and why. All others are what ingest answered.
 */
export interface Redriven {
  event_id: string
  status: string
  reason?: string
  field?: string | null
  message?: string
}

export interface RedriveAnswer {
  dry_run: boolean
  counts: Record<string, number>
  events: Redriven[]
  /** Where there are more: what to give as `after`. */
  next?: string
}

/** Of one request to ingest. */
const MOST_EVENTS = 1_000
const MOST_CHARACTERS = 4 * 1024 ** 2

/**
 * Sends events in quarantine again, under their ids, patched, through the one way into the lake: what is stored closes its
 * entry, exactly as if its producer had sent it. Of each id the newest entry counts. What would be invalid again is not
 * sent. Few of the texts are in memory at once.
 */
export async function redrive(request: RedriveRequest, parts: RedriveParts): Promise<RedriveAnswer> {
  const { dry_run, patch } = request
  const { entries, next } = await quarantineEntries(request, parts)
  const raw = new RawEvents(parts.rawZone)
  const events: Redriven[] = []
  const outgoing: { place: number; event: SendableEvent }[] = []
  let characters = 0
  const send = async () => {
    const sent = await parts.send(outgoing.map(({ event }) => event))
    for (const [i, { place }] of outgoing.entries()) Object.assign(events[place] ?? {}, sent[i])
    outgoing.length = 0
    characters = 0
  }
  for (const [place, entry] of entries.entries()) {
    const { event_id } = entry
    const judged = judgedEntry(entry, await raw.at(entry), patch, parts.eventTypes)
    events.push({ event_id, ...('refused' in judged ? { status: 'invalid', ...judged.refused } : { status: 'valid' }) })
    if (dry_run || 'refused' in judged) continue
    const { event } = judged
    const is_full = outgoing.length === MOST_EVENTS || characters + event.text.length > MOST_CHARACTERS
    if (outgoing.length > 0 && (is_full || outgoing[0]?.event.form !== event.form)) await send()
    outgoing.push({ place, event })
    characters += event.text.length
  }
  if (outgoing.length > 0) await send()
  return { dry_run, counts: countsOf(events), events, ...(next === undefined ? {} : { next }) }
}

function countsOf(events: readonly Redriven[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status } of events) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

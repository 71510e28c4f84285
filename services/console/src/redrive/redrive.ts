import type { EventTypes } from '@sluice/events'
import type { RawZone } from '@sluice/raw-zone'
import type { LakeReader } from '../lake-reader.ts'
import type { TrustedSql } from '../trusted-sql.ts'
import { judgedEntry, type SendableEvent } from './judged-entry.ts'
import { type QuarantineEntry, quarantineEntries } from './quarantine-entries.ts'
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

/** Events of one form, which go in one request. */
interface Outgoing {
  items: { place: number; event: SendableEvent }[]
  characters: number
}

/**
 * Sends events in quarantine again, under their ids, patched, through the one way into the lake: what is stored closes its
 * entry, exactly as if its producer had sent it. Of each id the newest entry counts. What would be invalid again is not
 * sent. Of the texts few are in memory at once.
 */
export async function redrive(request: RedriveRequest, parts: RedriveParts): Promise<RedriveAnswer> {
  const { dry_run, patch } = request
  const { entries, next } = await quarantineEntries(request, parts)
  const raw = new RawEvents(parts.rawZone)
  const events: Redriven[] = entries.map(({ event_id }) => ({ event_id, status: 'valid' }))
  const outgoing: Record<SendableEvent['form'], Outgoing> = { event: nothing(), cloudevent: nothing() }
  const send = async (form: SendableEvent['form']) => {
    const { items } = outgoing[form]
    outgoing[form] = nothing()
    if (items.length === 0) return
    const sent = await parts.send(items.map(({ event }) => event))
    for (const [i, { place }] of items.entries()) Object.assign(events[place] ?? {}, sent[i])
  }
  for (const [place, entry] of inOrderOfBatches(entries)) {
    const judged = judgedEntry(entry, await raw.at(entry), patch, parts.eventTypes)
    if ('refused' in judged) Object.assign(events[place] ?? {}, { status: 'invalid' }, judged.refused)
    else if (!dry_run) {
      const { event } = judged
      const { form, text } = event
      const { items, characters } = outgoing[form]
      if (items.length === MOST_EVENTS || characters + text.length > MOST_CHARACTERS) await send(form)
      outgoing[form].items.push({ place, event })
      outgoing[form].characters += text.length
    }
  }
  for (const form of ['event', 'cloudevent'] as const) await send(form)
  return { dry_run, counts: countsOf(events), events, ...(next === undefined ? {} : { next }) }
}

const nothing = (): Outgoing => ({ items: [], characters: 0 })

/** With their places: those of one raw batch one after the other. */
const inOrderOfBatches = (entries: readonly QuarantineEntry[]): [number, QuarantineEntry][] =>
  [...entries.entries()].sort(([, a], [, b]) => (a.raw_batch < b.raw_batch ? -1 : a.raw_batch > b.raw_batch ? 1 : 0))

function countsOf(events: readonly Redriven[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status } of events) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

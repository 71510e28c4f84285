import { splitLine } from '@sluice/lake'
import { type RawZone, RawZoneError } from '@sluice/raw-zone'

export interface RawEvent {
  form: 'event' | 'cloudevent'
  type: string
  /** The client's own text. */
  text: string
}

/** Reads events as they were sent. Keeps the batch that was read last: ask for those of one batch one after the other. */
export class RawEvents {
  readonly #rawZone: Pick<RawZone, 'find'>
  #read: { raw_batch: string; lines: readonly string[]; unreadable?: string } | undefined

  constructor(rawZone: Pick<RawZone, 'find'>) {
    this.#rawZone = rawZone
  }

  /** The event at a place, or why there is none. */
  async at({
    raw_batch,
    raw_line,
  }: {
    raw_batch: string
    raw_line: number
  }): Promise<RawEvent | { unreadable: string }> {
    if (this.#read?.raw_batch !== raw_batch) this.#read = await this.#batch(raw_batch)
    const { lines, unreadable } = this.#read
    if (unreadable !== undefined) return { unreadable }
    const line = lines[raw_line]
    const gone = { unreadable: `raw line ${raw_batch}/${raw_line} is gone or was not written by ingest` }
    if (!line) return gone
    const { envelope, event, broken } = splitLine(line)
    if (broken) return gone
    return { form: envelope.form === 'cloudevent' ? 'cloudevent' : 'event', type: envelope.type, text: event }
  }

  async #batch(raw_batch: string) {
    try {
      const bytes = (await this.#rawZone.find(raw_batch))?.bytes ?? []
      return { raw_batch, lines: Buffer.from(bytes).toString('utf8').split('\n') }
    } catch (error) {
      // A store that is away is told as such; a batch that is damaged hurts only its own events.
      if (!(error instanceof RawZoneError) || error.code !== 'corrupt') throw error
      return { raw_batch, lines: [], unreadable: error.message }
    }
  }
}

import { splitLine } from '@sluice/lake'
import type { RawZone } from '@sluice/raw-zone'

export interface RawEvent {
  form: 'event' | 'cloudevent'
  type: string
  /** The client's own text. */
  text: string
}

/** Reads events as they were sent. Keeps the batch that was read last: entries of one batch come one after the other. */
export class RawEvents {
  readonly #rawZone: Pick<RawZone, 'find'>
  #read: { raw_batch: string; lines: readonly string[] } | undefined

  constructor(rawZone: Pick<RawZone, 'find'>) {
    this.#rawZone = rawZone
  }

  /** `undefined` for a line that is gone or was never ingest's. */
  async at({ raw_batch, raw_line }: { raw_batch: string; raw_line: number }): Promise<RawEvent | undefined> {
    if (this.#read?.raw_batch !== raw_batch)
      this.#read = { raw_batch, lines: linesOf(await this.#rawZone.find(raw_batch)) }
    const line = this.#read.lines[raw_line]
    if (!line) return undefined
    const { envelope, event, broken } = splitLine(line)
    if (broken) return undefined
    return { form: envelope.form === 'cloudevent' ? 'cloudevent' : 'event', type: envelope.type, text: event }
  }
}

const linesOf = (batch: { bytes: Uint8Array } | undefined): string[] =>
  Buffer.from(batch?.bytes ?? [])
    .toString('utf8')
    .split('\n')

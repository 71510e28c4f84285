import type { Random } from './random.ts'

/** One receipt: an event at a raw position. The same receipt may stand in the log more than once. */
export interface SimEvent {
  readonly raw_batch: string
  readonly raw_line: number
  readonly event_id: string
  /** Stands for all fields: the same number is the same content. */
  readonly content: number
  readonly valid: boolean
  /** Events with a key belong to the keyed table. */
  readonly key: string | undefined
  /** The time field of a keyed event, microseconds. */
  readonly at: number | undefined
  readonly received_at: number
}

/** The receipt's identity. */
export const positionOf = ({ raw_batch, raw_line }: { raw_batch: string; raw_line: number }) =>
  `${raw_batch}/${raw_line}`

/** Ids whose order by UTF-8 bytes differs from that by UTF-16 units, some that are members of every object, and plain ones. */
export const IDS = [
  'e\u{1F600}',
  'e\uFF5E',
  '__proto__',
  'a',
  'b',
  'c',
  'd',
  'constructor',
  'f',
  'g',
  'h',
  'i',
  'j',
  'k',
]
const CONTENTS_PER_ID = 3
const KEYS = ['k1', 'k2', 'k3']

/** Makes receipts that have as much to do with each other as a seed wants. */
export class Traffic {
  readonly #random: Random
  readonly #ids: readonly string[]
  readonly #contents = new Map<string, Pick<SimEvent, 'content' | 'valid' | 'key' | 'at'>>()
  readonly #invalid: number
  readonly #sent: SimEvent[] = []
  #batch = 0

  constructor(random: Random) {
    this.#random = random
    this.#ids = IDS.slice(0, random.between(1, IDS.length))
    this.#invalid = random.pick([0, 0.2, 0.4])
  }

  /** A new receipt, or one that was sent before and comes once more. */
  next(): SimEvent {
    const random = this.#random
    if (this.#sent.length > 0 && random.chance(0.15)) return random.pick(this.#sent)
    const event_id = random.pick(this.#ids)
    // The first content is likelier: repeats outnumber conflicts.
    const variant = random.chance(0.6) ? 0 : random.below(CONTENTS_PER_ID)
    if (this.#sent.length === 0 || random.chance(0.7)) this.#batch++
    const event = {
      raw_batch: `b${this.#batch}`,
      raw_line: this.#sent.length,
      event_id,
      ...this.#contentOf(event_id, variant),
      received_at: random.below(4),
    }
    this.#sent.push(event)
    return event
  }

  #contentOf(event_id: string, variant: number) {
    const name = `${event_id} ${variant}`
    const known = this.#contents.get(name)
    if (known) return known
    const random = this.#random
    const keyed = random.chance(0.5)
    const content = {
      content: this.#contents.size + 1,
      // The first content of an id is invalid more often: it is the corrected one that closes an entry.
      valid: !random.chance(variant === 0 ? 2 * this.#invalid : this.#invalid),
      key: keyed ? random.pick(KEYS) : undefined,
      at: keyed && random.chance(0.7) ? random.below(4) : undefined,
    }
    this.#contents.set(name, content)
    return content
  }
}

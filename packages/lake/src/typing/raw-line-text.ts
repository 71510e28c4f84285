/** A line of a batch without its event. */
export interface Envelope {
  log_partition: number
  log_offset: bigint
  raw_batch: string
  raw_line: number
  event_id: string
  /** Milliseconds since the epoch. */
  received_at: number
  type: string
  form: string
  wait: boolean
}

const POSITION = /^\{"p":(\d{1,9}),"o":(\d{1,18}),/
const EVENT = ',"event":'
const LAST_LINE = 2 ** 31 - 1

/**
 * Splits a line of a batch into its envelope and the event's own text. Ingest writes the members of the envelope in a fixed
 * order and escapes quotes in them, so that the first EVENT is the event's. A line that ingest did not write is `broken`:
 * an event of no type, known by its place in the log.
 */
export function splitLine(line: string): { envelope: Envelope; event: string; broken: boolean } {
  const [, partition = '0', offset = '0'] = POSITION.exec(line) ?? []
  const position = { log_partition: Number(partition), log_offset: BigInt(offset) }
  const at = line.indexOf(EVENT)
  try {
    const head: unknown = JSON.parse(`${line.slice(0, at)}}`)
    const event = line.slice(at + EVENT.length, line.lastIndexOf('}'))
    return { envelope: { ...envelopeOf(head), ...position }, event, broken: false }
  } catch {
    const id = `log/${partition}/${offset}`
    const rest = { event_id: id, received_at: 0, type: '', form: 'event', wait: false }
    return { envelope: { ...position, raw_batch: id, raw_line: 0, ...rest }, event: line, broken: true }
  }
}

function envelopeOf(head: unknown): Omit<Envelope, 'log_partition' | 'log_offset'> {
  const members = new Map<string, unknown>(Object.entries(Object(head)))
  const text = (name: string): string => {
    const value = members.get(name)
    if (typeof value !== 'string') throw new TypeError(`expected ${name} to be a string`)
    return value.toWellFormed()
  }
  const received_at = Date.parse(text('received_at'))
  const raw_line = Number(members.get('line'))
  if (!Number.isInteger(raw_line) || raw_line < 0 || raw_line > LAST_LINE || Number.isNaN(received_at))
    throw new TypeError('expected a line and its time')
  return {
    raw_batch: text('batch'),
    raw_line,
    event_id: text('event_id'),
    received_at,
    type: text('type'),
    form: text('form'),
    wait: members.get('wait') === 1,
  }
}

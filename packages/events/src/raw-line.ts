/**
 * One event as ingest keeps it and as it travels on the log: a JSON object on one line, ended by a line feed, with
 * exactly these members in this order. `event` is the client's own text (line breaks between tokens become spaces,
 * nothing else changes), so it must never be parsed and written again.
 */
export interface RawLine {
  /** Raw batch id: `<incarnation>-<number>`; the number counts an ingest incarnation's batches from 1 without gaps. */
  batch: string
  /** Line in the batch, from 0. (batch, line) is the receipt's identity, for ever. */
  line: number
  event_id: string
  /** RFC 3339, UTC, milliseconds: `2026-01-02T03:04:05.678Z`. */
  received_at: string
  /** The name of the API key, or `anonymous`; for files `file:<path>`. */
  source: string
  type: string
  /** `event`: the fields are members of `event`. `cloudevent`: they are members of `event.data`. */
  form: 'event' | 'cloudevent'
  /** 1 if a client waits for the outcome; then the transformer's notice carries it. */
  wait: 0 | 1
  event: unknown
}

/** The envelope of a raw line without batch and line, which are known only when the batch is formed. */
export type RawLineEnvelope = Pick<RawLine, 'event_id' | 'received_at' | 'source' | 'type' | 'form' | 'wait'>

/** Everything after batch and line, with the client's text spliced in verbatim. `text` must be one line. */
export function rawLineTail(envelope: RawLineEnvelope, text: string): string {
  return `"event_id":${JSON.stringify(envelope.event_id)},"received_at":"${envelope.received_at}","source":${JSON.stringify(envelope.source)},"type":${JSON.stringify(envelope.type)},"form":"${envelope.form}","wait":${envelope.wait},"event":${text}}\n`
}

/** A whole raw line, line feed included. */
export function rawLine(batch: string, line: number, tail: string): string {
  return `{"batch":"${batch}","line":${line},${tail}`
}

import type { LogRecord } from '@sluice/event-log'
import type { RawLine } from '@sluice/events'
import type { Routing } from './routing.ts'

const LINE_FEED = 0x0a

/** The log records of a raw batch: one a line, the line's bytes as they are. */
export function logRecords(bytes: Uint8Array, partitions: readonly number[]): LogRecord[] {
  const records: LogRecord[] = []
  let line = 0
  for (const value of linesOf(bytes)) records.push({ partition: partitions[line++] ?? 0, value })
  return records
}

/** The same for a batch that was read back from the raw zone, where the partitions have to be found again. */
export function logRecordsReadBack(bytes: Uint8Array, routing: Routing): LogRecord[] {
  const records: LogRecord[] = []
  for (const value of linesOf(bytes)) {
    // An erased line is empty and is no event any more.
    if (value.length > 1) records.push({ partition: partitionOfLine(value, routing), value })
  }
  return records
}

function partitionOfLine(value: Uint8Array, routing: Routing): number {
  const line: RawLine = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8'))
  const fields = line.form === 'cloudevent' ? member(line.event, 'data') : line.event
  return routing(line.type, isFields(fields) ? fields : undefined, line.event_id).partition
}

function* linesOf(bytes: Uint8Array): Generator<Uint8Array> {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let start = 0; start < whole.length; ) {
    const feed = whole.indexOf(LINE_FEED, start)
    const end = feed < 0 ? whole.length : feed + 1
    yield new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start)
    start = end
  }
}

function member(value: unknown, name: string): unknown {
  return isFields(value) ? value[name] : undefined
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

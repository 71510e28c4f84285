import { isUtf8 } from 'node:buffer'
import { skipSpace } from './json-span.ts'

/** One line or row of a file, as JSON text, or why it has none. */
export type FileLine = { number: number; text: string } | { number: number; fault: FileLineFault; detail?: string }

export type FileLineFault = 'event_too_large' | 'invalid_utf8' | 'invalid_csv' | 'wrong_columns'

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/**
 * The lines of a stream, in groups of about `group_bytes`, at most `group_rows`; empty lines are counted but left out. A line longer than
 * `limit_bytes` is passed over without being held.
 */
export async function* fileLines(
  source: AsyncIterable<Uint8Array>,
  limit_bytes: number,
  group_bytes: number,
  group_rows: number,
): AsyncGenerator<FileLine[]> {
  let group: FileLine[] = []
  let grouped = 0
  let number = 0
  let parts: Buffer[] = []
  let length = 0

  const endLine = () => {
    const line = lineOf(number++, parts, length, limit_bytes)
    if (line) group.push(line)
    grouped += length
    parts = []
    length = 0
  }
  const extend = (bytes: Buffer) => {
    length += bytes.length
    if (length <= limit_bytes) parts.push(bytes)
    else parts = []
  }

  for await (const chunk of source) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    let start = 0
    for (let feed = bytes.indexOf(LINE_FEED); feed >= 0; feed = bytes.indexOf(LINE_FEED, start)) {
      extend(bytes.subarray(start, feed))
      endLine()
      start = feed + 1
      if (grouped < group_bytes && group.length < group_rows) continue
      yield group
      group = []
      grouped = 0
    }
    if (start < bytes.length) extend(bytes.subarray(start))
  }
  if (length > 0) endLine()
  if (group.length > 0) yield group
}

function lineOf(number: number, parts: readonly Buffer[], length: number, limit: number): FileLine | undefined {
  if (length > limit) return { number, fault: 'event_too_large' }
  const bytes = Buffer.concat(parts)
  if (!isUtf8(bytes)) return { number, fault: 'invalid_utf8' }
  const marked = number === 0 && bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  const text = bytes.toString(
    'utf8',
    marked ? 3 : 0,
    bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length,
  )
  const start = skipSpace(text, 0)
  return start === text.length ? undefined : { number, text: text.substring(start) }
}

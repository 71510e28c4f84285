export interface LogLine {
  partition: number
  offset: bigint
  /**
   * A raw line, line feed included. An empty one is nobody's event: its place in the log is covered, and no row comes of
   * it. Anything else that is no raw line is one row in the quarantine.
   */
  value: Uint8Array
}

const LINE_FEED = 0x0a
const OPENING_BRACE = 0x7b
/** After the position, where a member's name should be: no JSON, whatever follows. */
const NO_RAW_LINE = ':'

export const isEmpty = ({ value }: LogLine) => value.length === 0 || (value.length === 1 && value[0] === LINE_FEED)

/** The lines with their log positions spliced in front. Each is one line of the file, as rows are known by its place. */
export function batchInput(lines: readonly LogLine[]): Uint8Array {
  const places = lines.map(({ partition, offset }) => `{"p":${partition},"o":${offset},`)
  const rests = lines.map(({ value }) => restOf(value))
  const size = rests.reduce((sum, rest, at) => sum + (places[at]?.length ?? 0) + rest.length, 0)
  const input = Buffer.allocUnsafe(size)
  let end = 0
  for (const [at, rest] of rests.entries()) {
    end += input.write(places[at] ?? '', end, 'latin1')
    input.set(rest, end)
    end += rest.length
  }
  return input
}

/** What follows the position, the line feed included. */
function restOf(value: Uint8Array): Uint8Array {
  const feed = value.indexOf(LINE_FEED)
  const isLine = value[0] === OPENING_BRACE && (feed < 0 || feed === value.length - 1)
  // The line's own opening brace is in front already.
  if (isLine) return feed < 0 ? Buffer.concat([value.subarray(1), Buffer.of(LINE_FEED)]) : value.subarray(1)
  const text = Buffer.from(value.subarray(0, value.at(-1) === LINE_FEED ? -1 : undefined))
  for (let at = text.indexOf(LINE_FEED); at >= 0; at = text.indexOf(LINE_FEED, at)) text[at] = 0x20
  return Buffer.concat([Buffer.from(NO_RAW_LINE), text, Buffer.of(LINE_FEED)])
}

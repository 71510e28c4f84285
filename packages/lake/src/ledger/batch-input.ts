export interface LogLine {
  partition: number
  offset: bigint
  /**
   * A raw line, line feed included. An empty one is nobody's event: its place in the log is covered, and no row comes of
   * it. Anything else that is no raw line is one row in the quarantine.
   */
  value: Uint8Array
}

/** A larger line is a piece by itself. */
const PIECE_BYTES = 256 * 1024
const LINE_FEED = 0x0a
const OPENING_BRACE = 0x7b
/** After the position, where a member's name should be: no JSON, whatever follows. */
const NO_RAW_LINE = ':'

export const isEmpty = ({ value }: LogLine) => value.length === 0 || (value.length === 1 && value[0] === LINE_FEED)

/**
 * The lines with their log positions spliced in front, as pieces of a file. Each is one line of the file, as rows are known
 * by its place.
 */
export function* batchInput(lines: readonly LogLine[]): Generator<Uint8Array> {
  let piece = Buffer.allocUnsafe(PIECE_BYTES)
  let end = 0
  for (const { partition, offset, value } of lines) {
    const place = `{"p":${partition},"o":${offset},`
    const rest = restOf(value)
    const size = place.length + rest.length
    if (end + size > piece.length) {
      yield piece.subarray(0, end)
      piece = Buffer.allocUnsafe(Math.max(PIECE_BYTES, size))
      end = 0
    }
    end += piece.write(place, end, 'latin1')
    piece.set(rest, end)
    end += rest.length
  }
  yield piece.subarray(0, end)
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

import { isUtf8 } from 'node:buffer'

/** One JSON value inside a larger text: the client's own characters, never written anew. */
export interface JsonSpan {
  text: string
  /** How deep arrays and objects nest in it; 0 for a scalar. */
  depth: number
  /** Commas between the members of its outermost object or array. */
  commas: number
  /** It is no text that could be taken apart. */
  fault?: 'invalid_utf8'
}

/** Why a body as a whole cannot be taken apart. `at` counts UTF-16 units from 0. */
export type SpanFault = { fault: 'syntax'; at: number; expected: string } | { fault: 'too_many'; limit: number }

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const QUOTE = 0x22
const COMMA = 0x2c
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/**
 * The elements of a JSON array, each as it was written. Only the structure is checked (strings closed, brackets
 * balanced, one comma between two elements); whether an element is JSON is for `JSON.parse` to say.
 */
export function arraySpans(text: string, limit: number): JsonSpan[] | SpanFault {
  const spans: JsonSpan[] = []
  let at = skipSpace(text, skipSpace(text, 0) + 1)
  if (text.charCodeAt(at) === CLOSE_BRACKET) return endOfBody(text, at + 1) ?? spans
  for (;;) {
    const end = scan(text, at)
    if (end <= at) return { fault: 'syntax', at: end < 0 ? text.length : at, expected: 'a JSON value' }
    if (spans.length === limit) return { fault: 'too_many', limit }
    spans.push({ text: text.substring(at, end), depth: scanned.depth, commas: scanned.commas })
    at = skipSpace(text, end)
    const next = text.charCodeAt(at)
    if (next === CLOSE_BRACKET) return endOfBody(text, at + 1) ?? spans
    if (next !== COMMA) return { fault: 'syntax', at, expected: '"," or "]"' }
    at = skipSpace(text, at + 1)
  }
}

/** The lines of an NDJSON text; empty ones are left out. */
export function lineSpans(text: string, limit: number): JsonSpan[] | SpanFault {
  const spans: JsonSpan[] = []
  for (let at = 0; at < text.length; ) {
    const feed = text.indexOf('\n', at)
    const end = feed < 0 ? text.length : feed
    const start = skipSpace(text, at, end)
    if (start < end) {
      if (spans.length === limit) return { fault: 'too_many', limit }
      spans.push(span(text.charCodeAt(end - 1) === 0x0d ? text.substring(start, end - 1) : text.substring(start, end)))
    }
    at = end + 1
  }
  return spans
}

/** The lines of an NDJSON body that is not UTF-8 everywhere: a line that is not is its own harm only. */
export function mixedLineSpans(bytes: Buffer, limit: number): JsonSpan[] | SpanFault {
  const spans: JsonSpan[] = []
  for (let at = 0; at < bytes.length; ) {
    const feed = bytes.indexOf(LINE_FEED, at)
    const end = feed < 0 ? bytes.length : feed
    const line = bytes.subarray(at, end)
    at = end + 1
    // Many may be blank; a look at each costs more than its byte.
    if (line.length === 0 || (line.length === 1 && line[0] === CARRIAGE_RETURN)) continue
    const found = isUtf8(line) ? lineSpans(line.toString('utf8'), 1) : [NO_TEXT]
    if ('fault' in found) return found
    if (spans.length + found.length > limit) return { fault: 'too_many', limit }
    spans.push(...found)
  }
  return spans
}

const NO_TEXT: JsonSpan = { text: '', depth: 0, commas: 0, fault: 'invalid_utf8' }

/** The whole text as one value. */
export function span(text: string): JsonSpan {
  scan(text, 0)
  return { text, depth: scanned.depth, commas: scanned.commas }
}

export function skipSpace(text: string, from: number, to = text.length): number {
  let at = from
  for (; at < to; at++) {
    const c = text.charCodeAt(at)
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return at
  }
  return at
}

/** What the last `scan` saw; beside its return value, so that scanning allocates nothing. */
const scanned = { depth: 0, commas: 0 }

/** The index after the value that begins at `from`, or -1 if the text ends inside it. */
function scan(text: string, from: number): number {
  let depth = 0
  let deepest = 0
  let commas = 0
  let end = -1
  const length = text.length
  for (let at = from; at < length; at++) {
    const c = text.charCodeAt(at)
    if (c === QUOTE) {
      at = closingQuote(text, at)
      if (at < 0) break
      if (depth > 0) continue
      end = at + 1
      break
    }
    if (c === COMMA) {
      if (depth === 1) commas++
      if (depth > 0) continue
      end = at
      break
    }
    if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      if (++depth > deepest) deepest = depth
    } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      if (--depth > 0) continue
      end = depth < 0 ? at : at + 1
      break
    } else if (depth === 0 && (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09)) {
      end = at
      break
    }
  }
  scanned.depth = deepest
  scanned.commas = commas
  return end
}

function closingQuote(text: string, opening: number): number {
  let at = text.indexOf('"', opening + 1)
  while (at > 0) {
    let before = at - 1
    while (text.charCodeAt(before) === BACKSLASH) before--
    if ((at - before) % 2 === 1) return at
    at = text.indexOf('"', at + 1)
  }
  return -1
}

function endOfBody(text: string, from: number): SpanFault | undefined {
  const at = skipSpace(text, from)
  return at < text.length ? { fault: 'syntax', at, expected: 'the end of the body' } : undefined
}

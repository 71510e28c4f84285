let last_ms = Number.NaN
let last_text = ''

/** RFC 3339 in UTC with milliseconds. Requests of one millisecond share the text. */
export function receivedAt(now_ms: number): string {
  if (now_ms !== last_ms) {
    last_ms = now_ms
    last_text = new Date(now_ms).toISOString()
  }
  return last_text
}

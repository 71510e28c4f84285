/** Both ends included. */
export interface WholeRange {
  start: number
  end: number
}

/**
 * The one range that a Range header asks for (RFC 9110, section 14). `whole` where there is none, or several, or the
 * header is no valid one: then all is sent. `unsatisfiable` is answered with 416.
 */
export function requestedRange(header: string | undefined, size: number): WholeRange | 'whole' | 'unsatisfiable' {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '')
  if (!match) return 'whole'
  const [, first = '', last = ''] = match
  if (first === '') {
    if (last === '') return 'whole'
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return 'whole'
  return start >= size ? 'unsatisfiable' : { start, end }
}

/** Whether If-None-Match names the tag (weak comparison), so that 304 says all. */
export function namesTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
}

/**
 * Tag values and ids as InfluxDB can hold, find and delete them. A tag cannot be empty, a backslash before a separator
 * changes its meaning, control characters break lines, and the delete API's strings know no escapes but two. So these
 * few characters are written as `%` and their code, the empty text as `%`, an absent one as `%null`; all others stay.
 */

const EMPTY = '%'
const ABSENT = '%null'
const UNSAFE = /[\p{Cc}\p{Cs}\u2028\u2029%"\\]/gu
const ESCAPE = /%([0-9A-F]{4})/g

export function encodedText(text: string | null): string {
  if (text === null) return ABSENT
  if (text === '') return EMPTY
  UNSAFE.lastIndex = 0
  return UNSAFE.test(text) ? text.replace(UNSAFE, escaped) : text
}

export function decodedText(encoded: string): string | null {
  if (encoded === ABSENT) return null
  if (encoded === EMPTY) return ''
  return encoded.includes('%')
    ? encoded.replace(ESCAPE, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    : encoded
}

const escaped = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`

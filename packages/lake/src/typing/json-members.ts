/**
 * The members of a JSON object with each value's own text, or the texts of an array's items. The text must be valid
 * JSON (`JSON.parse` took it); nothing here recurses, so that nesting has no limit.
 */
export interface Member {
  name: string
  /** The value's text, from its first character to its last. */
  text: string
}

/** Members in order; of a name that comes twice the last one counts, as for `JSON.parse`. */
export function membersOf(object: string): Map<string, string> {
  const members = new Map<string, string>()
  let at = afterSpace(object, 1)
  while (object[at] === '"') {
    const nameEnd = valueEnd(object, at)
    const name: string = JSON.parse(object.slice(at, nameEnd))
    const start = afterSpace(object, afterSpace(object, nameEnd) + 1)
    const end = valueEnd(object, start)
    members.delete(name)
    members.set(name, object.slice(start, end))
    at = afterSpace(object, end)
    if (object[at] === ',') at = afterSpace(object, at + 1)
  }
  return members
}

/** The texts of an array's items. */
export function itemsOf(array: string): string[] {
  const items: string[] = []
  let at = afterSpace(array, 1)
  while (at < array.length && array[at] !== ']') {
    const end = valueEnd(array, at)
    items.push(array.slice(at, end))
    at = afterSpace(array, end)
    if (array[at] === ',') at = afterSpace(array, at + 1)
  }
  return items
}

const SPACE = /[ \t\n\r]*/y
const SCALAR = /[^ \t\n\r,\]}]+/y
const BRACKET_OR_STRING = /["[\]{}]/g

function afterSpace(text: string, at: number): number {
  SPACE.lastIndex = at
  SPACE.test(text)
  return SPACE.lastIndex
}

/** Where the value that begins at `at` ends. */
function valueEnd(text: string, at: number): number {
  const first = text[at]
  if (first === '"') return stringEnd(text, at)
  if (first === '{' || first === '[') return nestedEnd(text, at)
  SCALAR.lastIndex = at
  SCALAR.test(text)
  return SCALAR.lastIndex
}

/** By search and not by a pattern, whose stack a long string would overflow. */
function stringEnd(text: string, at: number): number {
  let quote = text.indexOf('"', at + 1)
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1)
  return quote + 1
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text[at - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}

function nestedEnd(text: string, start: number): number {
  let depth = 0
  let at = start
  do {
    BRACKET_OR_STRING.lastIndex = at
    BRACKET_OR_STRING.test(text)
    at = BRACKET_OR_STRING.lastIndex
    const found = text[at - 1]
    if (found === '"') at = stringEnd(text, at - 1)
    else depth += found === '{' || found === '[' ? 1 : -1
  } while (depth > 0)
  return at
}

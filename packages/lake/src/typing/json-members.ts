/*
 * Reads JSON by its text. All texts must be valid (`JSON.parse` took them). Nothing recurses, each character is read once.
 */

/** The members of an object with each value's own text; of a name that comes twice the last one, as for `JSON.parse`. */
export function membersOf(object: string): Map<string, string> {
  const members = new Map<string, string>()
  eachMember(object, 0, (name, start) => {
    const end = valueEnd(object, start)
    members.delete(name)
    members.set(name, object.slice(start, end))
    return end
  })
  return members
}

/** The texts of an array's items. */
export function itemsOf(array: string): string[] {
  const items: string[] = []
  eachItem(array, 0, (start) => {
    const end = valueEnd(array, start)
    items.push(array.slice(start, end))
    return end
  })
  return items
}

/** Reads the object that begins at `at`; `read` gets a value's name and place, and returns where it ends. Returns the object's end. */
export function eachMember(text: string, at: number, read: (name: string, start: number) => number): number {
  return eachItem(text, at, (start) => {
    const nameEnd = valueEnd(text, start)
    const name: string = JSON.parse(text.slice(start, nameEnd))
    return read(name, afterSpace(text, afterSpace(text, nameEnd) + 1))
  })
}

/** The same for an array. */
export function eachItem(text: string, at: number, read: (start: number) => number): number {
  let next = afterSpace(text, at + 1)
  while (next < text.length && text[next] !== ']' && text[next] !== '}') {
    next = afterSpace(text, read(next))
    if (text[next] === ',') next = afterSpace(text, next + 1)
  }
  return next + 1
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
export function valueEnd(text: string, at: number): number {
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

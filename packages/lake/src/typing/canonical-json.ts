import { itemsOf, membersOf } from './json-members.ts'

/** Deeper values count by their text as it came. */
const DEEPEST = 200

/**
 * The canonical text of a JSON object's members: the same for the same content, whatever the order of the members, white
 * space and the escapes of strings; numbers count as they are written. Each member as `<bytes of name>:<name><value>`,
 * sorted by its UTF-8 bytes, with its own length before it. `canonicalExtra` is the same in SQL.
 */
export function canonicalMembers(members: ReadonlyMap<string, string>, depth = 0): string {
  const parts = [...members].map(([name, text]) =>
    Buffer.from(`${Buffer.byteLength(name)}:${name}${canonicalValue(text, depth)}`),
  )
  return parts
    .sort(Buffer.compare)
    .map((part) => `${part.length}:${part}`)
    .join('')
}

function canonicalValue(text: string, depth: number): string {
  const first = text[0]
  if (first === '"') return canonicalString(text)
  if (depth < DEEPEST) {
    if (first === '{') return `o${canonicalMembers(membersOf(text), depth + 1)}`
    if (first === '[')
      return `a${itemsOf(text)
        .map((item) => lengthFirst(canonicalValue(item, depth + 1)))
        .join('')}`
  }
  return first === 't' || first === 'f' || first === 'n' ? `l${text}` : `n${text}`
}

/** Half a surrogate pair has no UTF-8; its escape has. */
function canonicalString(text: string): string {
  const value: string = JSON.parse(text)
  return value.isWellFormed() ? `s${value}` : `j${JSON.stringify(value)}`
}

const lengthFirst = (text: string) => `${Buffer.byteLength(text)}:${text}`

import { eachItem, eachMember, valueEnd } from './json-members.ts'

/** Deeper values count by their text as it came. */
const DEEPEST = 64

/**
 * The canonical text of a JSON object's members: the same for the same content, whatever the order of the members, white
 * space and the escapes of strings; numbers count as they are written. Each member as `<bytes of name>:<name><value>`,
 * sorted by its UTF-8 bytes, with its own length before it. `canonicalExtra` is the same in SQL.
 */
export function canonicalMembers(members: ReadonlyMap<string, string>): string {
  return sorted([...members].map(([name, text]) => [name, canonicalValue(text, 0, 0).canonical]))
}

interface Canonical {
  canonical: string
  /** Where the value ends in its text. */
  end: number
}

function canonicalValue(text: string, at: number, depth: number): Canonical {
  const first = text[at]
  if (depth < DEEPEST && first === '{') return canonicalObject(text, at, depth + 1)
  if (depth < DEEPEST && first === '[') return canonicalArray(text, at, depth + 1)
  const end = valueEnd(text, at)
  const value = text.slice(at, end)
  if (first === '"') return { canonical: canonicalString(value), end }
  return { canonical: `${first === 't' || first === 'f' || first === 'n' ? 'l' : 'n'}${value}`, end }
}

function canonicalObject(text: string, at: number, depth: number): Canonical {
  const members = new Map<string, string>()
  const end = eachMember(text, at, (name, start) => {
    const value = canonicalValue(text, start, depth)
    members.set(name, value.canonical)
    return value.end
  })
  return { canonical: `o${sorted([...members])}`, end }
}

function canonicalArray(text: string, at: number, depth: number): Canonical {
  const items: string[] = []
  const end = eachItem(text, at, (start) => {
    const item = canonicalValue(text, start, depth)
    items.push(`${Buffer.byteLength(item.canonical)}:${item.canonical}`)
    return item.end
  })
  return { canonical: `a${items.join('')}`, end }
}

function sorted(members: [name: string, canonical: string][]): string {
  return members
    .map(([name, canonical]) => Buffer.from(`${Buffer.byteLength(name)}:${name}${canonical}`))
    .sort(Buffer.compare)
    .map((member) => `${member.length}:${member}`)
    .join('')
}

/** Half a surrogate pair has no UTF-8; its escape has. */
function canonicalString(text: string): string {
  const value: string = JSON.parse(text)
  return value.isWellFormed() ? `s${value}` : `j${JSON.stringify(value)}`
}

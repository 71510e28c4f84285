import { tokensOf } from './text-analysis.ts'

/** Text kept on each side of a fragment's first hit, in characters. */
const CONTEXT_CHARACTERS = 80
/** Fragments in one highlight. */
const FRAGMENT_LIMIT = 3
const FRAGMENT_GAP = ' … '

interface Fragment {
  start: number
  end: number
  hits: { start: number; end: number }[]
}

/**
 * The places of a text where the terms stand, as HTML: hits in `<em>`, everything else escaped. At most three
 * fragments. A text without a hit gives ''.
 */
export function highlight(text: string, terms: ReadonlySet<string>): string {
  const fragments: Fragment[] = []
  for (const token of tokensOf(text)) {
    if (!terms.has(token.term)) continue
    const last = fragments.at(-1)
    if (last && token.end <= last.end) last.hits.push(token)
    else if (fragments.length === FRAGMENT_LIMIT) break
    else
      fragments.push({
        start: Math.max(last?.end ?? 0, wholeCharacter(text, token.start - CONTEXT_CHARACTERS)),
        end: Math.max(token.end, wholeCharacter(text, token.end + CONTEXT_CHARACTERS)),
        hits: [token],
      })
  }
  return fragments.map((fragment) => marked(text, fragment)).join(FRAGMENT_GAP)
}

function marked(text: string, { start, end, hits }: Fragment): string {
  let html = ''
  let from = start
  for (const hit of hits) {
    html += `${escaped(text.slice(from, hit.start))}<em>${escaped(text.slice(hit.start, hit.end))}</em>`
    from = hit.end
  }
  return html + escaped(text.slice(from, end))
}

/** Moves an offset inside the text and off the middle of a surrogate pair. */
function wholeCharacter(text: string, offset: number): number {
  const inside = Math.min(Math.max(offset, 0), text.length)
  const unit = text.charCodeAt(inside)
  return unit >= 0xdc00 && unit <= 0xdfff ? inside + 1 : inside
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#x27;',
  '/': '&#x2F;',
}

/** The same six characters as Elasticsearch's `encoder: html`. */
function escaped(text: string): string {
  return text.replace(/[&<>"'/]/g, (character) => ENTITIES[character] ?? character)
}

import type { ResultFormat } from './sql-protocol.ts'

/** Where a client likes several equally, and as exactly, and named none first, the first one here is taken. */
const MEDIA_TYPES: readonly [string, ResultFormat][] = [
  ['application/json', 'json'],
  ['application/x-ndjson', 'ndjson'],
  ['application/ndjson', 'ndjson'],
  ['application/jsonl', 'ndjson'],
  ['text/csv', 'csv'],
  ['application/vnd.apache.arrow.stream', 'arrow'],
]

/** How a client likes a media type: by the range that names it most exactly. */
interface Liking {
  quality: number
  exact: number
  order: number
}

/** The format that an Accept header (RFC 9110, section 12.5.1) likes most; JSON where it likes none of ours. */
export function acceptedFormat(accept: string | undefined): ResultFormat {
  const ranges = (accept ?? '*/*').split(',').map(rangeOf)
  const liked = MEDIA_TYPES.map(([media_type, format]) => ({ format, ...likingOf(media_type, ranges) }))
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality || b.exact - a.exact || a.order - b.order)
  return liked[0]?.format ?? 'json'
}

function likingOf(media_type: string, ranges: readonly { range: string; quality: number }[]): Liking {
  let found: Liking = { quality: 0, exact: 0, order: 0 }
  for (const [order, { range, quality }] of ranges.entries()) {
    const exact = exactness(range, media_type)
    if (exact > found.exact) found = { quality, exact, order }
  }
  return found
}

function rangeOf(text: string): { range: string; quality: number } {
  const [range = '', ...parameters] = text.toLowerCase().split(';')
  const given = parameters.map((parameter) => /^\s*q\s*=\s*([\d.]+)\s*$/.exec(parameter)?.[1]).find(Boolean)
  return { range: range.trim(), quality: given === undefined ? 1 : Number(given) || 0 }
}

function exactness(range: string, media_type: string): number {
  if (range === media_type) return 3
  if (range === `${media_type.split('/')[0]}/*`) return 2
  return range === '*/*' ? 1 : 0
}

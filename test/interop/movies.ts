import type { Column } from '@sluice/lake'
import type { PlainRow } from './engine-session.ts'

export const COLUMNS: readonly Column[] = [
  { name: 'movie_id', type: 'string' },
  { name: 'title', type: 'string' },
  { name: 'views', type: 'long' },
  { name: 'price', type: 'decimal(12,2)' },
  { name: 'cast', type: { type: 'array', elementType: 'string', containsNull: true } },
  { name: 'updated_at', type: 'timestamp' },
  { name: 'event_id', type: 'string' },
  { name: 'received_at', type: 'timestamp' },
]

/** The same for the engines in Python. */
export const TYPES: Readonly<Record<string, string>> = Object.fromEntries(
  COLUMNS.map(({ name, type }) => [name, typeof type === 'string' ? type : 'list']),
)

export const MOVIES = { name: 'movies', key: 'movie_id', time: 'updated_at' }

const START_MS = Date.UTC(2026, 0, 1)

/** Films `from` to below `to`, each with what engines like to get wrong: nulls, long texts, signs, microseconds. */
export function films(from: number, to: number, round: number): PlainRow[] {
  return Array.from({ length: to - from }, (_, at) => film(from + at, round))
}

export function film(id: number, round: number): PlainRow {
  const at = new Date(START_MS + round * 60_000 + id).toISOString()
  return {
    movie_id: `movie-${id}`,
    title:
      id % 7 === 0
        ? null
        : `${'\u00e9\u4e2d\u{1f3ac} '.repeat(id % 5)}title '${id}' of "round" ${round}${'x'.repeat((id % 3) * 30)}`,
    views: id % 11 === 0 ? null : String(BigInt(id) * 900_719_925_474_099n * (id % 2 ? 1n : -1n)),
    price: id % 13 === 0 ? null : `${id % 1000}.${String(round % 100).padStart(2, '0')}`,
    cast: id % 5 === 0 ? null : Array.from({ length: id % 4 }, (_, actor) => (actor === 2 ? null : `actor ${actor}`)),
    updated_at: at.replace('Z', `${String(id % 1000).padStart(3, '0')}Z`),
    event_id: `event-${id}-${round}`,
    received_at: at,
  }
}

import type { Column } from '@sluice/lake'

/** The keyed table of the measurements of delete and merge: a million rows in 20 files, keys in no order. */
export const MOVIES = { name: 'movies', key: 'movie_id', time: 'updated_at' }

export const MOVIE_COLUMNS: readonly Column[] = [
  { name: 'movie_id', type: 'string' },
  { name: 'title', type: 'string' },
  { name: 'rating', type: 'double' },
  { name: 'updated_at', type: 'timestamp' },
  { name: 'event_id', type: 'string' },
  { name: 'received_at', type: 'timestamp' },
  { name: 'number', type: 'long' },
]

export const MOVIE_FILES = 20
export const MOVIE_ROWS = 1_000_000
export const CHANGED_ROWS = 1_000
/** Commits, of a file each, of the log that is opened and checkpointed. */
export const LOG_COMMITS = 10_000
export const MANY_FILES = 100_000

/** SELECT of rows `from` to below `to`; about 220 bytes each as JSON. */
export function movieRows(from: number, to: number, at: string): string {
  return `SELECT 'movie-' || md5(i::VARCHAR) AS movie_id, repeat(md5((i + 7)::VARCHAR), 3) AS title, (i % 100) / 10.0 AS rating,
    TIMESTAMPTZ '${at}' AS updated_at, md5('e' || i) AS event_id, TIMESTAMPTZ '${at}' AS received_at, i AS number
    FROM range(${from}, ${to}) AS r(i)`
}

import type { Question } from '@sluice/store'

const user = { name: 'user_id', required: true, description: 'The user.', kind: 'text' } as const

/** The questions that the SQL store answers. */
export const questions: readonly Question[] = [
  {
    name: 'watched-by-user',
    store: 'postgres',
    description: 'What a user has watched, most views first.',
    parameters: [user],
    columns: [
      { name: 'movie_id', type: 'VARCHAR' },
      { name: 'title', type: 'VARCHAR' },
      { name: 'views', type: 'BIGINT' },
      { name: 'last_watched_at', type: 'TIMESTAMP' },
    ],
  },
  {
    name: 'where-stopped',
    store: 'postgres',
    description:
      'Where a user stopped: the last playback event of each film, where it is a pause or a stop; the last first.',
    parameters: [user],
    columns: [
      { name: 'movie_id', type: 'VARCHAR' },
      { name: 'action', type: 'VARCHAR' },
      { name: 'position_minutes', type: 'INTEGER' },
      { name: 'device', type: 'VARCHAR' },
      { name: 'played_at', type: 'TIMESTAMP' },
    ],
  },
  {
    name: 'subscription-status',
    store: 'postgres',
    description: 'How many subscriptions are in which status, most first.',
    parameters: [],
    columns: [
      { name: 'status', type: 'VARCHAR' },
      { name: 'subscriptions', type: 'BIGINT' },
    ],
  },
  {
    name: 'payments-of',
    store: 'postgres',
    description: 'The payments of a user, oldest first.',
    parameters: [user],
    columns: [
      { name: 'payment_id', type: 'VARCHAR' },
      { name: 'subscription_id', type: 'VARCHAR' },
      { name: 'amount', type: 'DECIMAL' },
      { name: 'currency', type: 'VARCHAR' },
      { name: 'paid_at', type: 'TIMESTAMP' },
    ],
  },
]

/** The SQL of a question and the tables it reads. Its parameters are the question's, in order, then the limit. */
export interface SqlQuestion {
  tables: readonly string[]
  sql: string
}

/** Text columns of the store sort by their bytes (collation "C"), so the order is the same on every server. */
export const sqlQuestions: Readonly<Record<string, SqlQuestion>> = {
  'watched-by-user': {
    tables: ['viewing_history', 'movies'],
    sql: `SELECT movie_id, title, views, last_watched_at
FROM (
  SELECT movie_id, count(*) AS views, max(watched_at) AS last_watched_at
  FROM viewing_history WHERE user_id = $1
  GROUP BY movie_id
) AS watched
LEFT JOIN (SELECT movie_id, title FROM movies) AS film USING (movie_id)
ORDER BY views DESC, movie_id LIMIT $2`,
  },
  'where-stopped': {
    tables: ['playback_events'],
    sql: `SELECT movie_id, action, position_minutes, device, played_at
FROM (
  SELECT DISTINCT ON (movie_id) movie_id, action, position_minutes, device, played_at
  FROM playback_events WHERE user_id = $1
  ORDER BY movie_id, played_at DESC, event_id DESC
) AS last
WHERE action IN ('pause', 'stop')
ORDER BY played_at DESC, movie_id LIMIT $2`,
  },
  'subscription-status': {
    tables: ['subscriptions'],
    sql: `SELECT status, count(*) AS subscriptions
FROM subscriptions
GROUP BY status
ORDER BY subscriptions DESC, status LIMIT $1`,
  },
  'payments-of': {
    tables: ['payments'],
    sql: `SELECT payment_id, subscription_id, amount, currency, paid_at
FROM payments WHERE user_id = $1
ORDER BY paid_at, payment_id LIMIT $2`,
  },
}

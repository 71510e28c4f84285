import type { Question } from '@sluice/store'
import type { NamedTable } from '../sql/sql-guard.ts'

/** A question that DuckDB answers over lake tables or the raw zone. `$name` stands for a parameter. */
export interface LakeQuestion extends Question {
  store: 'lake' | 'raw'
  tables: readonly NamedTable[]
  sql: string
}

const table = (name: string, schema = ''): NamedTable => ({ schema, name, cte: false })
const text = (name: string, description: string) => ({ name, required: true, description, kind: 'text' as const })

/** A day or an instant as an instant; a day is its first moment in UTC. */
const instant = (parameter: string) => `$${parameter}::VARCHAR::TIMESTAMPTZ`

export const lakeQuestions: readonly LakeQuestion[] = [
  {
    name: 'most-watched',
    store: 'lake',
    description: 'Films by how often they were watched in a city in an hour of the day, most views first.',
    parameters: [
      text('city', 'City as in the events'),
      { name: 'hour', required: true, description: 'Hour of the day, 0 to 23', kind: 'hour' },
      {
        name: 'tz',
        required: false,
        default: 'UTC',
        description: 'Time zone of the hour, an IANA name',
        kind: 'time_zone',
      },
    ],
    columns: [
      { name: 'movie_id', type: 'VARCHAR' },
      { name: 'title', type: 'VARCHAR' },
      { name: 'views', type: 'BIGINT' },
    ],
    tables: [table('viewing_history'), table('movies')],
    sql: `SELECT movie_id, any_value(title) AS title, count(*) AS views
      FROM viewing_history LEFT JOIN (SELECT movie_id, title FROM movies) USING (movie_id)
      WHERE city = $city AND hour(timezone($tz, watched_at)) = $hour::INTEGER
      GROUP BY movie_id ORDER BY views DESC, movie_id`,
  },
  {
    name: 'viewers-of',
    store: 'lake',
    description: 'How many different users watched a film in a country in a range of time.',
    parameters: [
      text('movie_id', 'The film'),
      text('country', 'Country as in the events'),
      { name: 'from', required: true, description: 'First instant or day', kind: 'day_or_instant' },
      { name: 'to', required: true, description: 'Instant or day after the last', kind: 'day_or_instant' },
    ],
    columns: [{ name: 'viewers', type: 'BIGINT' }],
    tables: [table('viewing_history')],
    sql: `SELECT count(DISTINCT user_id) AS viewers FROM viewing_history
      WHERE movie_id = $movie_id AND country = $country AND watched_at >= ${instant('from')} AND watched_at < ${instant('to')}`,
  },
  {
    name: 'views-without-orders',
    store: 'lake',
    description: 'Views and orders of each product that was viewed, most views first.',
    parameters: [],
    columns: [
      { name: 'product_id', type: 'VARCHAR' },
      { name: 'views', type: 'BIGINT' },
      { name: 'orders', type: 'BIGINT' },
      { name: 'conversion', type: 'DOUBLE' },
    ],
    tables: [table('clickstream'), table('orders')],
    sql: `WITH viewed AS (SELECT product_id, count(*) AS views FROM clickstream WHERE action = 'view' GROUP BY product_id),
      ordered AS (SELECT product_id, count(*) AS orders FROM orders GROUP BY product_id)
      SELECT product_id, views, coalesce(orders, 0) AS orders, coalesce(orders, 0) / views AS conversion
      FROM viewed LEFT JOIN ordered USING (product_id) ORDER BY views DESC, product_id`,
  },
  {
    name: 'views-of-product',
    store: 'raw',
    description: 'Clicks on a product by user, over the raw events.',
    parameters: [text('product_id', 'The product')],
    columns: [
      { name: 'user_id', type: 'VARCHAR' },
      { name: 'total_views', type: 'BIGINT' },
    ],
    tables: [table('click', 'raw')],
    sql: `SELECT user_id, count(*) AS total_views FROM raw.click WHERE product_id = $product_id GROUP BY user_id ORDER BY total_views DESC, user_id`,
  },
]

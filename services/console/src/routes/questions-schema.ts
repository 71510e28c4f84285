import type { Question } from '@sluice/store'
import { answered, column, listOf, objectOf, oneOf, refusals, resultRow, text, yesOrNo } from './answer-schema.ts'

const STORES = ['postgres', 'influxdb', 'elasticsearch', 'neo4j', 'lake', 'raw'] as const satisfies Question['store'][]

const question = objectOf({
  name: text('as in the path'),
  store: oneOf(STORES, 'that answers it'),
  description: text('what it tells'),
  parameters: listOf(
    objectOf(
      {
        name: text('as in the query string'),
        required: yesOrNo('whether it has to be given'),
        default: text('where it is not given'),
        description: text('what it means'),
        kind: oneOf(['text', 'day_or_instant', 'hour', 'time_zone', 'positive_int'], 'how its value is checked'),
      },
      { optional: ['default'] },
    ),
    'without `limit`, which all have',
  ),
  columns: listOf(column),
})

/** OpenAPI of `GET /v1/questions`. */
export const questionsSchema = {
  tags: ['query'],
  summary: 'All questions, their parameters, columns and store',
  response: {
    ...answered('the questions', objectOf({ questions: listOf(question, 'by name') })),
    ...refusals(),
  },
}

/** OpenAPI of `GET /v1/questions/{name}`. */
export const questionSchema = (questions: readonly Question[]) => ({
  tags: ['query'],
  summary: 'Ask a question',
  params: {
    type: 'object',
    properties: { name: { type: 'string', description: namesOf(questions), examples: [questions[0]?.name] } },
    required: ['name'],
  },
  querystring: {
    type: 'object',
    additionalProperties: true,
    properties: {
      ...parametersOf(questions),
      limit: { type: 'string', description: 'at most this many rows; 1 to 100,000, default 100' },
    },
  },
  response: {
    ...answered(
      'the answer',
      objectOf({
        question: text('name'),
        store: oneOf(STORES, 'that answered'),
        query: text("what the store was asked, in the store's own language"),
        columns: listOf(column),
        rows: listOf(resultRow),
      }),
      {
        question: 'watched-by-user',
        store: 'postgres',
        query: 'SELECT …',
        columns: [
          { name: 'movie_id', type: 'VARCHAR' },
          { name: 'views', type: 'BIGINT' },
        ],
        rows: [{ movie_id: 'm101', views: 2 }],
      },
    ),
    ...refusals({
      400: 'a parameter is missing, unknown or malformed',
      404: 'no such question',
      503: 'the store cannot be asked; send again after Retry-After',
    }),
  },
})

export const namesOf = (questions: readonly Question[]): string => questions.map(({ name }) => name).join(', ')

/** Every parameter that some question has, and which. */
function parametersOf(questions: readonly Question[]): Record<string, { type: string; description: string }> {
  const names = new Set(questions.flatMap(({ parameters }) => parameters.map(({ name }) => name)))
  const having = (name: string) => questions.filter(({ parameters }) => parameters.some((one) => one.name === name))
  return Object.fromEntries(
    [...names].sort().map((name) => [name, { type: 'string', description: `of ${namesOf(having(name))}` }]),
  )
}

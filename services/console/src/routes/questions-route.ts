import { ProblemError } from '@sluice/service'
import { type Answer, checkParameters, type Question, StoreError } from '@sluice/store'
import type { FastifyInstance } from 'fastify'
import type { ConsoleRouteParts } from '../console-parts.ts'
import { lakeQuestions } from '../questions/lake-questions.ts'
import { relationsFor } from '../relations.ts'
import { answered, anyObject, problems } from './schemas.ts'

const listSchema = {
  tags: ['query'],
  summary: 'All questions, their parameters, columns and store',
  response: { ...answered('the questions'), ...problems({}) },
}
const askSchema = (questions: readonly Question[]) => ({
  tags: ['query'],
  summary: 'Ask a question',
  params: {
    type: 'object',
    properties: { name: { type: 'string', description: namesOf(questions), examples: [questions[0]?.name] } },
    required: ['name'],
  },
  querystring: {
    ...anyObject,
    properties: {
      ...parametersOf(questions),
      limit: { type: 'string', description: 'at most this many rows; 1 to 100,000, default 100' },
    },
  },
  response: {
    ...answered('question, store, the query as the store was given it, columns and rows'),
    ...problems({
      400: 'a parameter is missing, unknown or malformed',
      404: 'no such question',
      503: 'the store cannot be asked',
    }),
  },
})

const namesOf = (questions: readonly Question[]): string => questions.map(({ name }) => name).join(', ')

/** Every parameter that some question has, and which. */
function parametersOf(questions: readonly Question[]): Record<string, { type: string; description: string }> {
  const names = new Set(questions.flatMap(({ parameters }) => parameters.map(({ name }) => name)))
  const having = (name: string) => questions.filter(({ parameters }) => parameters.some((one) => one.name === name))
  return Object.fromEntries(
    [...names].sort().map((name) => [name, { type: 'string', description: `of ${namesOf(having(name))}` }]),
  )
}

export function questionRoutes(app: FastifyInstance, parts: ConsoleRouteParts): void {
  const questions: Question[] = [...parts.stores.flatMap(({ questions }) => questions), ...lakeQuestions].sort(
    (a, b) => (a.name < b.name ? -1 : 1),
  )

  app.get('/v1/questions', { schema: listSchema }, async (request) => {
    parts.authorize(request, 'query')
    return {
      questions: questions.map(({ name, store, description, parameters, columns }) => ({
        name,
        store,
        description,
        parameters,
        columns,
      })),
    }
  })

  app.get<{ Params: { name: string }; Querystring: Record<string, string> }>(
    '/v1/questions/:name',
    // What is wrong with a parameter is for `checkParameters` to say.
    { schema: askSchema(questions), attachValidation: true },
    async (request) => {
      parts.authorize(request, 'query')
      const question = questions.find(({ name }) => name === request.params.name)
      if (!question)
        throw new ProblemError({
          status: 404,
          code: 'unknown_question',
          title: 'No such question',
          detail: `there is no question ${request.params.name}; there are ${namesOf(questions)}`,
        })
      const checked = checkParameters(question, request.query)
      if (checked.kind === 'refused')
        throw new ProblemError({
          status: 400,
          code: 'invalid_parameter',
          title: 'A parameter is not as it should be',
          detail: checked.detail,
        })
      const answer = await ask(question, checked.parameters, checked.limit, parts)
      return {
        question: question.name,
        store: question.store,
        query: answer.query,
        columns: answer.columns,
        rows: answer.rows,
      }
    },
  )
}

async function ask(
  question: Question,
  parameters: Readonly<Record<string, string>>,
  limit: number,
  parts: ConsoleRouteParts,
): Promise<Pick<Answer, 'query' | 'columns'> & { rows: readonly unknown[] }> {
  const ofLake = lakeQuestions.find(({ name }) => name === question.name)
  if (ofLake) {
    const answer = await parts.sql.query(
      await relationsFor(ofLake.tables, parts),
      `${ofLake.sql} LIMIT ${limit}`,
      parameters,
    )
    return { query: ofLake.sql, columns: answer.columns, rows: answer.rows }
  }
  const holder = parts.stores.find(({ name }) => name === question.store)
  if (!holder) throw new Error(`question ${question.name}: no store ${question.store}`)
  try {
    return { ...(await holder.store.ask(question.name, parameters, limit)) }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    if (error.retryable) throw unavailable(question, error.message)
    // Tables of a store are made by its sink, which may not have come to it yet.
    const begun = Object.keys(await holder.store.progress()).length > 0
    throw begun ? error : unavailable(question, 'its sink has not begun to fill it')
  }
}

const unavailable = ({ store }: Question, why: string) =>
  new ProblemError({
    status: 503,
    code: 'store_unavailable',
    title: 'The store cannot be asked',
    detail: `${store}: ${why}`,
    retry_after_s: 2,
  })

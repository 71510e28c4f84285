import { ProblemError } from '@sluice/service'
import { type Answer, checkParameters, type Question, StoreError } from '@sluice/store'
import type { FastifyInstance } from 'fastify'
import type { ConsoleRouteParts } from '../console-parts.ts'
import { lakeQuestions } from '../questions/lake-questions.ts'
import { relationsFor } from '../relations.ts'
import { namesOf, questionSchema, questionsSchema } from './questions-schema.ts'

export function questionRoutes(app: FastifyInstance, parts: ConsoleRouteParts): void {
  const questions: Question[] = [...parts.stores.flatMap(({ questions }) => questions), ...lakeQuestions].sort(
    (a, b) => (a.name < b.name ? -1 : 1),
  )

  app.get('/v1/questions', { schema: questionsSchema }, async (request) => {
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
    { schema: questionSchema(questions), attachValidation: true },
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

/** What the routes' schemas share: the problem of RFC 9457, and loose objects whose shape their description tells. */
export const problemSchema = {
  type: 'object',
  required: ['title', 'status', 'code'],
  additionalProperties: true,
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'stable' },
    detail: { type: 'string' },
  },
} as const

export function problems(texts: Readonly<Record<number, string>>) {
  const content = { 'application/problem+json': { schema: problemSchema } }
  return Object.fromEntries(
    Object.entries({ 401: 'no API key, or an unknown one', 403: 'the API key lacks the scope', ...texts }).map(
      ([status, description]) => [status, { description, content }],
    ),
  )
}

export const anyObject = { type: 'object', additionalProperties: true } as const

export const answered = (description: string) => ({
  200: { description, content: { 'application/json': { schema: anyObject } } },
})

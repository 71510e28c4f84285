/** OpenAPI of an error (RFC 9457). */
export const problem = {
  type: 'object',
  required: ['title', 'status', 'code'],
  additionalProperties: true,
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'stable' },
    detail: { type: 'string' },
    retryable: { type: 'boolean' },
  },
} as const

const content = { 'application/problem+json': { schema: problem } } as const

/** The responses of these statuses, each with its description. */
export function problems(descriptions: Readonly<Record<number, string>>) {
  const entries = Object.entries(descriptions).map(([status, description]) => [status, { description, content }])
  return Object.fromEntries(entries)
}

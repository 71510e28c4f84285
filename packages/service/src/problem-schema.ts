/** OpenAPI of a problem (RFC 9457), as `problemText` writes it; some have more fields. */
export const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail', 'retryable'],
  additionalProperties: true,
  properties: {
    type: { type: 'string', description: 'always `about:blank`: the code tells what it is' },
    title: { type: 'string', description: 'for people' },
    status: { type: 'integer', description: "the answer's own status" },
    code: { type: 'string', description: 'for programs: stable' },
    detail: { type: 'string', description: 'for people: what was expected, what came, what to do' },
    retryable: { type: 'boolean', description: 'whether the same request may do later, after Retry-After' },
  },
} as const

const content = { 'application/problem+json': { schema: problemSchema } } as const

/** A refusal in the `response` of a route's schema. */
export interface ProblemResponse {
  description: string
  content: typeof content
}

/** The responses of these statuses, each with its description. */
export function problems(descriptions: Readonly<Record<number, string>>): Record<string, ProblemResponse> {
  const entries = Object.entries(descriptions).map(
    ([status, description]) => [status, { description, content }] as const,
  )
  return Object.fromEntries(entries)
}

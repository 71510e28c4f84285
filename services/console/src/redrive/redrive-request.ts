import { ProblemError } from '@sluice/service'
import { z } from 'zod'
import { quarantinePlace } from '../quarantine-place.ts'

export const REDRIVEN = 1_000
export const MOST_REDRIVEN = 10_000
/** What can be loaded after all: the others need another event_id, or are no events. */
export const REDRIVABLE = ['unknown_type', 'schema_violation'] as const

const number = z
  .number()
  .refine(
    (value) => !Number.isInteger(value) || Number.isSafeInteger(value),
    'a whole number beyond 2^53 loses digits: send it as a string',
  )
const scalar = z.union([z.string(), number, z.boolean()])
const patch = z
  .record(z.string(), z.union([scalar, z.null(), z.array(scalar)]))
  .refine((fields) => !('event_id' in fields), 'an event keeps its event_id: leave it out')
  .refine(({ type = '' }) => typeof type === 'string', 'type: expected a string')

const request = z.strictObject({
  reason: z.enum(REDRIVABLE).optional(),
  type: z.string().optional(),
  ids: z
    .array(z.string().refine((id) => id.isWellFormed(), 'expected a text that is well formed'))
    .min(1)
    .max(MOST_REDRIVEN)
    .optional(),
  patch: patch.default({}),
  dry_run: z.boolean().default(false),
  limit: z.number().int().min(1).max(MOST_REDRIVEN).default(REDRIVEN),
  after: z
    .string()
    .transform((next, context) => {
      const place = quarantinePlace(next)
      if (!place) context.addIssue('expected the next of an answer')
      return place ?? z.NEVER
    })
    .optional(),
})

export type RedriveRequest = z.infer<typeof request>

/** @throws ProblemError that says what was expected and what came */
export function redriveRequest(body: unknown): RedriveRequest {
  const parsed = request.safeParse(body ?? {})
  if (parsed.success) return parsed.data
  const detail = parsed.error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; ')
  throw malformed(
    `${detail}; only events with the reasons ${REDRIVABLE.join(' and ')} can be driven again: a conflict needs another event_id`,
  )
}

export const malformed = (detail: string) =>
  new ProblemError({ status: 400, code: 'invalid_parameter', title: 'The request is not as it should be', detail })

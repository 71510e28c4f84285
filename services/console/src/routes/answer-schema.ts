import { problems } from '@sluice/service'

/** JSON Schema (2020-12) of a value, as OpenAPI 3.1 has it. */
export type ValueSchema = Readonly<Record<string, unknown>>

/** What every call of the console may be refused with, and these. */
export function refusals(texts: Readonly<Record<number, string>> = {}) {
  return problems({
    401: 'no API key, or an unknown one',
    403: 'the API key lacks the scope',
    503: 'what this needs is away; send again after Retry-After',
    ...texts,
  })
}

/** The response 200: JSON of this shape. */
export const answered = (description: string, schema: ValueSchema, example?: object) => ({
  200: {
    description,
    content: { 'application/json': { schema: example ? { ...schema, examples: [example] } : schema } },
  },
})

/** An object: its fields are always there, but for the optional ones. */
export function objectOf<Fields extends Readonly<Record<string, ValueSchema>>>(
  properties: Fields,
  { optional = [], description }: { optional?: readonly (keyof Fields)[]; description?: string } = {},
) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', ...(description === undefined ? {} : { description }), required, properties }
}

/** An object that has a value of one shape under each of many names. */
export const namedValues = (schema: ValueSchema, description: string) => ({
  type: 'object',
  description,
  additionalProperties: schema,
})

export const listOf = (items: ValueSchema, description?: string) => ({
  type: 'array',
  ...(description === undefined ? {} : { description }),
  items,
})

export const text = (description: string) => ({ type: 'string', description })
export const integer = (description: string) => ({ type: 'integer', description })
export const yesOrNo = (description: string) => ({ type: 'boolean', description })
export const instant = (description: string) => ({
  type: 'string',
  format: 'date-time',
  description: `${description}; RFC 3339 in UTC, ending in Z`,
})
export const oneOf = (values: readonly string[], description: string) => ({ type: 'string', enum: values, description })
export const orNull = <Schema extends ValueSchema & { type: string }>(schema: Schema) => ({
  ...schema,
  type: [schema.type, 'null'],
})

/** What may go beyond 2^53 (`jsonInteger`). */
export const bigInteger = (description: string) => ({
  type: ['integer', 'string'],
  description: `${description}; a string of digits beyond 2^53`,
})

export const column = objectOf({ name: text('as in the rows'), type: text('SQL type') })

export const resultRow = {
  type: 'object',
  description:
    'values by column: instants are RFC 3339 in UTC ending in Z, days YYYY-MM-DD, integers beyond 2^53 and decimals strings, all other numbers numbers',
  additionalProperties: { type: ['string', 'number', 'boolean', 'null', 'array', 'object'] },
}

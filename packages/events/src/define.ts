import { brokenRule } from './definition-rules.ts'
import { definitionShape, firstIssue } from './definition-shape.ts'
import type { EventType, Explosion, StoreMappings } from './event-type.ts'
import { EventTypeError } from './event-type-error.ts'
import type { Field } from './field.ts'

/** What a type's file says; the rest follows. */
export interface EventTypeInput<F extends string> {
  type: string
  table: string
  description: string
  fields: Record<F, Field>
  key?: NoInfer<F>
  time?: NoInfer<F>
  partition_by?: readonly NoInfer<F>[]
  stores?: StoreMappings<NoInfer<F>>
  explode?: Explosion<NoInfer<F>>
  example: Record<string, unknown>
}

/**
 * Defines an event type. Field names that key, time, partition, stores or explosion mention and the type does not declare
 * are compile-time errors; and all of it is checked when the file is loaded, for definitions that nobody compiled.
 * @throws EventTypeError that says what was expected and what came
 */
export function defineEventType<const F extends string>(input: EventTypeInput<F>): EventType<F> {
  const partition_by = input.partition_by ?? defaultPartition(input)
  const eventType: EventType<F> = { stores: {}, ...input, partition_by }
  checkEventType(eventType)
  return Object.freeze(eventType)
}

/** The event type that a module exports by default: made by `defineEventType`, or what would be given to it. */
export function eventTypeFrom(value: unknown): EventType {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new EventTypeError(`expected an event type made by defineEventType; ${typeof value} came`)
  const { key, fields } = { key: undefined, fields: {}, ...value }
  const partition_by = defaultPartition({ key, fields: Object(fields) })
  const eventType: object = { stores: {}, partition_by, ...value }
  checkEventType(eventType)
  return Object.freeze(eventType)
}

function defaultPartition<F extends string>({ key, fields }: Pick<EventTypeInput<F>, 'key' | 'fields'>): readonly F[] {
  if (key !== undefined) return [key]
  return Object.keys(fields).filter((name): name is F => name === 'user_id')
}

function checkEventType(value: object): asserts value is EventType {
  const shape = definitionShape.safeParse(value)
  const wrong = shape.success ? brokenRule(shape.data) : firstIssue(shape.error)
  if (wrong !== undefined)
    throw new EventTypeError(`event type ${'type' in value ? JSON.stringify(value.type) : ''}: ${wrong}`)
}

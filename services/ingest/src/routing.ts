import { partitionOf } from '@sluice/event-log/partition-choice'
import type { EventType } from '@sluice/events'

/** Event types by their `type`; a `Map` is one. */
export interface EventTypes {
  get(type: string): EventType | undefined
}

/** The log partition of an event, from its key's bucket; and whether its type is defined. */
export type Routing = (
  type: string,
  fields: Record<string, unknown> | undefined,
  event_id: string,
) => { partition: number; known: boolean }

export function routingBy(eventTypes: EventTypes, partitions: number): Routing {
  return (type, fields, event_id) => {
    const definition = eventTypes.get(type)
    const key = definition && fields ? keyOf(definition, fields) : undefined
    return { partition: partitionOf(key ?? event_id, partitions), known: definition !== undefined }
  }
}

/** `undefined` where a part of the key is missing: the event_id then chooses. */
function keyOf(definition: EventType, fields: Record<string, unknown>): string | undefined {
  let key: string | undefined
  for (const name of definition.partition_by) {
    const value = fields[name]
    if (typeof value !== 'string' && typeof value !== 'number') return undefined
    key = key === undefined ? String(value) : `${key}\u0000${value}`
  }
  return key
}

/** What a CloudEvent (1.0, JSON event format) says of its event: `fields` left out where `data` is no object. */
export interface CloudEventEnvelope {
  event_id: unknown
  fields: Record<string, unknown> | undefined
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const ULID = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/i

/**
 * `id` is unique only within `source`: a UUID or ULID is an event_id by itself, any other id is joined to its source.
 * A CloudEvent without `id` may carry the event_id in its data.
 */
export function cloudEventEnvelope(
  event: Record<string, unknown>,
): CloudEventEnvelope | { code: 'invalid_cloudevent' | 'invalid_event_id'; detail: string } {
  const { id, source, data } = event
  const fields = isFields(data) ? data : undefined
  if (id === undefined || id === null) return { event_id: fields?.event_id, fields }
  if (typeof id !== 'string' || id === '')
    return { code: 'invalid_event_id', detail: 'expected "id" to be a string that is not empty' }
  if (UUID.test(id) || ULID.test(id)) return { event_id: id, fields }
  if (typeof source !== 'string' || source === '')
    return { code: 'invalid_cloudevent', detail: 'expected "source" beside an "id" that is no UUID or ULID' }
  return { event_id: `${source}/${id}`, fields }
}

function isFields(data: unknown): data is Record<string, unknown> {
  return typeof data === 'object' && data !== null && !Array.isArray(data)
}

import { membersOf } from '@sluice/lake'

/** Fields to set, or with null to remove, in each event; `type` may be among them. */
export type Patch = Readonly<Record<string, unknown>>

/** An event as it is sent again. */
export interface PatchedEvent {
  text: string
  type: string
}

/**
 * The client's text under its event_id and type (rows of files say them elsewhere), with some fields set or removed;
 * everything else stays as it was written, each digit. Of a CloudEvent the fields are those of its `data`. `undefined` if
 * the text is no JSON object.
 */
export function patchedEvent(
  text: string,
  { form, event_id, type }: { form: 'event' | 'cloudevent'; event_id: string; type: string },
  patch: Patch,
): PatchedEvent | undefined {
  if (!isJsonObject(text)) return undefined
  const members = membersOf(text)
  const { type: new_type, ...fields } = patch
  const sent_type = typeof new_type === 'string' ? new_type : type
  members.set('type', JSON.stringify(sent_type))
  if (form === 'event') {
    apply(members, fields)
    members.set('event_id', JSON.stringify(event_id))
    return { text: objectOf(members), type: sent_type }
  }
  // Without an id of its own a CloudEvent takes that of its data.
  const lacks_id = (members.get('id') ?? 'null') === 'null'
  if (lacks_id || Object.keys(fields).length > 0) {
    const data = members.get('data') ?? '{}'
    if (!data.startsWith('{')) return undefined
    const patched = apply(membersOf(data), fields)
    if (lacks_id) patched.set('event_id', JSON.stringify(event_id))
    members.set('data', objectOf(patched))
  }
  return { text: objectOf(members), type: sent_type }
}

function apply(members: Map<string, string>, fields: Patch): Map<string, string> {
  for (const [name, value] of Object.entries(fields)) {
    if (value === null) members.delete(name)
    else members.set(name, JSON.stringify(value))
  }
  return members
}

const objectOf = (members: ReadonlyMap<string, string>): string =>
  `{${[...members].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

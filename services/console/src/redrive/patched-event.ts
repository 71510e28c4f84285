import { membersOf } from '@sluice/lake'

/** Fields to set, or with null to remove, in each event; `type` may be among them. */
export type Patch = Readonly<Record<string, unknown>>

/** An event as it is sent again. */
export interface PatchedEvent {
  text: string
  type: string
}

/**
 * The client's text under its event_id, with some fields set or removed; everything else stays as it was written, each
 * digit. Of a CloudEvent the fields are those of its `data`. `undefined` if the text is no JSON object.
 */
export function patchedEvent(
  text: string,
  { form, event_id, type }: { form: 'event' | 'cloudevent'; event_id: string; type: string },
  patch: Patch,
): PatchedEvent | undefined {
  if (!isJsonObject(text)) return undefined
  const members = membersOf(text)
  const { type: new_type, ...fields } = patch
  if (new_type !== undefined) members.set('type', JSON.stringify(new_type))
  if (form === 'event') {
    apply(members, fields)
    members.set('event_id', JSON.stringify(event_id))
  } else if (Object.keys(fields).length > 0) {
    const data = members.get('data') ?? '{}'
    if (!data.startsWith('{')) return undefined
    members.set('data', objectOf(apply(membersOf(data), fields)))
  }
  return { text: objectOf(members), type: typeof new_type === 'string' ? new_type : type }
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

import type { EdgeMapping, EventType } from './event-type.ts'
import type { Field, FieldKind } from './field.ts'

type Kind = FieldKind['kind']

/** A field that a definition mentions: where, its name, and the kinds it may be of there. */
interface Mention {
  role: string
  name: string
  kinds?: readonly Kind[]
}

const NUMBERS: readonly Kind[] = ['int', 'long', 'float', 'double', 'decimal']
const IDS: readonly Kind[] = ['string', 'string_list']
/** Kinds whose values a graph orders as the lake does: what an edge that keeps the newest may be ordered by. */
export const EDGE_ORDERS: readonly Kind[] = ['instant', 'int', 'long']
const EXPLODED_COLUMNS: ReadonlySet<string> = new Set(['position', 'name', 'sha256'])

/** What is wrong with how the parts of a definition fit together; `undefined` if nothing is. The shape must be right. */
export function brokenRule(type: EventType): string | undefined {
  const fields = new Map(Object.entries<Field>(type.fields))
  for (const { role, name, kinds } of mentionsOf(type)) {
    const field = fields.get(name)
    if (!field)
      return `${role} mentions the field ${JSON.stringify(name)}, which is not declared; declared are ${[...fields.keys()].join(', ')}`
    if (kinds && !kinds.includes(field.kind))
      return `expected the ${role} to be ${aKind(kinds)}; ${name} is ${aKind([field.kind])}`
  }
  return brokenField(fields) ?? brokenKey(type, fields) ?? brokenExample(type, fields)
}

function brokenField(fields: ReadonlyMap<string, Field>): string | undefined {
  for (const [name, field] of fields) {
    if (field.kind === 'decimal' && field.scale > field.precision)
      return `field ${name}: expected a scale up to the precision ${field.precision}; ${field.scale} came`
  }
  return undefined
}

function brokenKey({ key, explode, stores }: EventType, fields: ReadonlyMap<string, Field>): string | undefined {
  if (key !== undefined && !fields.get(key)?.required)
    return `expected the key to be a required string; ${key} may be absent`
  const owned = stores.neo4j?.edges.find(({ keep }) => keep === 'owned')
  if (key === undefined && owned) return `edge ${owned.type} is owned by a row, so the type needs a key`
  if (!explode) return undefined
  if (key === undefined) return 'explode needs a key, whose newest row it is of'
  return EXPLODED_COLUMNS.has(key)
    ? `explode needs a key that is not called ${[...EXPLODED_COLUMNS].join(', ')}`
    : undefined
}

function brokenExample({ type, example }: EventType, fields: ReadonlyMap<string, Field>): string | undefined {
  if (example['type'] !== type) return 'expected an example event of this type'
  const missing = [...fields].find(([name, { required }]) => required && (example[name] ?? null) === null)
  return missing && `expected the example event to have the required field ${missing[0]}`
}

function mentionsOf({ key, time, partition_by, explode, stores }: EventType): Mention[] {
  const { postgres, influxdb, elasticsearch, neo4j } = stores
  const all = (role: string, names: readonly string[] = [], kinds?: readonly Kind[]): Mention[] =>
    names.map((name) => ({ role, name, kinds }))
  return [
    ...all('key', key === undefined ? [] : [key], ['string']),
    ...all('time', time === undefined ? [] : [time], ['instant']),
    ...all('partition_by', partition_by),
    ...all('explode.list', explode && [explode.list], ['string_list']),
    ...all('postgres.indexes', postgres?.indexes?.flat()),
    ...all('influxdb.tags', influxdb?.tags, ['string']),
    ...all('influxdb.fields', influxdb?.fields, [...NUMBERS, 'boolean', 'string']),
    ...all('influxdb.time', influxdb && [influxdb.time], ['instant']),
    ...all('elasticsearch.text', elasticsearch?.text, IDS),
    ...(neo4j?.nodes ?? []).flatMap((node) => [
      ...all('neo4j.nodes id', [node.id], IDS),
      ...all('neo4j.nodes properties', node.properties),
    ]),
    ...(neo4j?.edges ?? []).flatMap(edgeMentions),
  ]
}

function edgeMentions(edge: EdgeMapping<string>): Mention[] {
  const ends = [edge.from, edge.to].map(({ field }): Mention => ({ role: 'neo4j.edges end', name: field, kinds: IDS }))
  if (edge.keep === 'tally')
    return [...ends, { role: 'neo4j.edges latest', name: edge.latest.field, kinds: ['instant'] }]
  if (edge.keep === 'owned') return ends
  return [
    ...ends,
    { role: 'neo4j.edges by', name: edge.by, kinds: EDGE_ORDERS },
    ...edge.properties.map((name) => ({ role: 'neo4j.edges properties', name })),
  ]
}

const aKind = (kinds: readonly Kind[]) =>
  kinds.map((kind) => `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`).join(' or ')

import type { EdgeMapping, EventType, Explosion, StoreMappings } from './event-type.ts'
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

/** Columns that every table has beside its type's fields. */
export const LINEAGE_COLUMNS = [
  { name: 'event_id', type: 'string' },
  { name: 'received_at', type: 'timestamp' },
  { name: 'raw_batch', type: 'string' },
  { name: 'raw_line', type: 'integer' },
  { name: '_extra', type: 'string' },
] as const

export class EventTypeError extends Error {
  readonly code = 'invalid_event_type'
  constructor(message: string) {
    super(message)
    this.name = 'EventTypeError'
  }
}

const NAME = /^[a-z][a-z0-9_]{0,62}$/
const RESERVED_TABLES = new Set(['ledger', 'quarantine', 'events', 's3_clickstream_logs', 'main', 'raw'])
const KINDS = new Set(['string', 'int', 'long', 'float', 'double', 'boolean', 'decimal', 'instant', 'string_list'])

/**
 * Defines an event type. Field names that key, time, partition or stores mention and the type does not declare are
 * compile-time errors; a definition that is not compiled (a user's JavaScript) is checked when it is loaded.
 * @throws EventTypeError that says what was expected and what came
 */
export function defineEventType<const F extends string>(input: EventTypeInput<F>): EventType<F> {
  const partition_by = input.partition_by ?? defaultPartition(input)
  const eventType: EventType<F> = { stores: {}, ...input, partition_by }
  checkEventType(eventType)
  return Object.freeze(eventType)
}

function defaultPartition<F extends string>({ key, fields }: EventTypeInput<F>): readonly F[] {
  if (key !== undefined) return [key]
  return Object.keys(fields).filter((name): name is F => name === 'user_id')
}

/** @throws EventTypeError */
export function checkEventType(value: unknown): asserts value is EventType {
  if (!isObject(value)) throw new EventTypeError(`expected an event type made by defineEventType; ${typeof value} came`)
  const { type, table, fields } = value
  const wrong = (what: string) => new EventTypeError(`event type ${JSON.stringify(type)}: ${what}`)
  if (typeof type !== 'string' || type.length < 1 || type.length > 256) throw wrong('expected a type of 1 to 256 characters')
  if (typeof table !== 'string' || !NAME.test(table) || RESERVED_TABLES.has(table)) throw wrong(`expected a table name of lower-case letters, digits and underscores that is not reserved; ${JSON.stringify(table)} came`)
  if (!isObject(fields) || Object.keys(fields).length === 0) throw wrong('expected fields')
  if (!isObject(value['example']) || value['example']['type'] !== type) throw wrong('expected an example event of this type')
  for (const [name, field] of Object.entries(fields)) checkField(name, field, wrong)
  for (const [role, name] of mentions(value)) {
    if (!Object.hasOwn(fields, name)) throw wrong(`${role} mentions the field ${JSON.stringify(name)}, which is not declared; declared are ${Object.keys(fields).join(', ')}`)
  }
  const key = typeof value['key'] === 'string' ? fields[value['key']] : undefined
  if (key !== undefined && !(isObject(key) && key['kind'] === 'string' && key['required'] === true)) throw wrong('expected the key to be a required string')
  const time = typeof value['time'] === 'string' ? fields[value['time']] : undefined
  if (time !== undefined && !(isObject(time) && time['kind'] === 'instant')) throw wrong('expected the time to be an instant')
  checkExplosion(value['explode'], fields, value['key'], wrong)
}

function checkField(name: string, field: unknown, wrong: (what: string) => Error): void {
  if (!NAME.test(name) || LINEAGE_COLUMNS.some((column) => column.name === name) || name === 'type') throw wrong(`expected a field name of lower-case letters, digits and underscores that is not reserved; ${JSON.stringify(name)} came`)
  if (!isObject(field) || typeof field['kind'] !== 'string' || !KINDS.has(field['kind'])) throw wrong(`field ${name}: expected one of ${[...KINDS].join(', ')}`)
  if (typeof field['required'] !== 'boolean') throw wrong(`field ${name}: expected it to be required or not`)
  if (field['kind'] === 'decimal') {
    const { precision, scale } = field
    if (!(Number.isInteger(precision) && Number.isInteger(scale) && Number(precision) >= 1 && Number(precision) <= 38 && Number(scale) >= 0 && Number(scale) <= Number(precision))) throw wrong(`field ${name}: expected a precision from 1 to 38 and a scale up to it`)
  }
  if (field['one_of'] !== undefined && (field['kind'] !== 'string' || !Array.isArray(field['one_of']) || field['one_of'].length === 0)) throw wrong(`field ${name}: one_of is a list of texts, for strings only`)
}

function checkExplosion(explode: unknown, fields: Record<string, unknown>, key: unknown, wrong: (what: string) => Error): void {
  if (explode === undefined) return
  const list = isObject(explode) ? fields[String(explode['list'])] : undefined
  if (!isObject(list) || list['kind'] !== 'string_list' || key === undefined) throw wrong('explode needs a key and a list field')
  if (!isObject(explode) || typeof explode['table'] !== 'string' || !NAME.test(explode['table'])) throw wrong('explode needs a table name')
}

/** Every field name that the definition mentions, and where. */
function mentions(value: Record<string, unknown>): [string, string][] {
  const found: [string, string][] = []
  const add = (role: string, names: unknown) => {
    for (const name of Array.isArray(names) ? names.flat() : names === undefined ? [] : [names]) found.push([role, String(name)])
  }
  add('key', value['key'])
  add('time', value['time'])
  add('partition_by', value['partition_by'])
  if (isObject(value['explode'])) add('explode', value['explode']['list'])
  const stores = isStores(value['stores']) ? value['stores'] : {}
  add('postgres.indexes', stores.postgres?.indexes)
  add('influxdb', stores.influxdb && [...stores.influxdb.tags, ...stores.influxdb.fields, stores.influxdb.time])
  add('elasticsearch.text', stores.elasticsearch?.text)
  for (const node of stores.neo4j?.nodes ?? []) add('neo4j.nodes', [node.id, ...(node.properties ?? [])])
  for (const edge of stores.neo4j?.edges ?? []) add('neo4j.edges', [edge.from.field, edge.to.field, ...edgeFields(edge)])
  return found
}

function edgeFields(edge: EdgeMapping<string>): readonly string[] {
  if (edge.keep === 'tally') return [edge.latest.field]
  return edge.keep === 'newest' ? [edge.by, ...edge.properties] : []
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
const isStores = (value: unknown): value is StoreMappings => isObject(value)

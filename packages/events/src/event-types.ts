import { createHash } from 'node:crypto'
import type { EventType } from './event-type.ts'
import { EventTypeError } from './event-type-error.ts'
import type { Field } from './field.ts'

/** A Delta primitive type, or a list of strings. */
export type ColumnType =
  | Exclude<Field['kind'], 'int' | 'instant' | 'string_list' | 'decimal'>
  | 'integer'
  | 'timestamp'
  | 'array<string>'
  | `decimal(${number},${number})`

export interface TableColumn {
  name: string
  type: ColumnType
  nullable: boolean
}

/** A table of the lake that a type defines: its own, or its explosion. */
export interface DefinedTable {
  table: string
  type: EventType
  columns: readonly TableColumn[]
  /** Whether it is computed from the newest rows of the type's own table. */
  exploded: boolean
}

/** Columns that every table has beside its type's fields. */
export const LINEAGE_COLUMNS = [
  { name: 'event_id', type: 'string' },
  { name: 'received_at', type: 'timestamp' },
  { name: 'raw_batch', type: 'string' },
  { name: 'raw_line', type: 'integer' },
  { name: '_extra', type: 'string' },
] as const

/** The set of event types that a process works with. */
export class EventTypes {
  readonly byType: ReadonlyMap<string, EventType>
  readonly byTable: ReadonlyMap<string, EventType>
  /** All tables, explosions included, in order of their names. */
  readonly tables: readonly DefinedTable[]
  /** The same for the same definitions, whatever their order: two services with different sets notice it. */
  readonly digest: string

  /** @throws EventTypeError if two types share a name or a table */
  constructor(types: readonly EventType[]) {
    this.byType = unique(types, ({ type }) => type, 'type')
    this.byTable = unique(types, ({ table }) => table, 'table')
    this.tables = types.flatMap(tablesOf).sort((a, b) => (a.table < b.table ? -1 : 1))
    unique(this.tables, ({ table }) => table, 'table')
    this.digest = createHash('sha256')
      .update(JSON.stringify([...this.byType.values()].sort((a, b) => (a.type < b.type ? -1 : 1)).map(definitionOf)))
      .digest('hex')
      .slice(0, 16)
  }

  get(type: string): EventType | undefined {
    return this.byType.get(type)
  }
}

/** The Delta columns of a type's table, in order: its fields, then lineage. */
export function tableColumns(type: EventType): TableColumn[] {
  return [
    ...Object.entries(type.fields).map(([name, field]) => ({ name, type: deltaTypeOf(field), nullable: true })),
    ...LINEAGE_COLUMNS.map((column) => ({ ...column, nullable: true })),
  ]
}

/** Columns of an explosion: key, position from 0, the list's item, the SHA-256 of the media of that name. */
export function explosionColumns(type: EventType): TableColumn[] {
  return [
    { name: explodedKey(type), type: 'string', nullable: true },
    { name: 'position', type: 'integer', nullable: true },
    { name: 'name', type: 'string', nullable: true },
    { name: 'sha256', type: 'string', nullable: true },
  ]
}

/** The column that an exploded table and its source share. A definition without key has no explosion. */
export function explodedKey({ type, key }: EventType): string {
  if (key === undefined) throw new EventTypeError(`event type ${JSON.stringify(type)}: explode needs a key`)
  return key
}

export function deltaTypeOf(field: Field): ColumnType {
  switch (field.kind) {
    case 'int':
      return 'integer'
    case 'instant':
      return 'timestamp'
    case 'string_list':
      return 'array<string>'
    case 'decimal':
      return `decimal(${field.precision},${field.scale})`
    default:
      return field.kind
  }
}

function tablesOf(type: EventType): DefinedTable[] {
  const own = { table: type.table, type, columns: tableColumns(type), exploded: false }
  return type.explode
    ? [own, { table: type.explode.table, type, columns: explosionColumns(type), exploded: true }]
    : [own]
}

/** What decides how an event is typed and routed; descriptions and examples do not. */
function definitionOf({ type, table, fields, key, time, stores, explode }: EventType) {
  const typed = Object.entries(fields).map(([name, { description: _, ...field }]) => [name, field])
  return [type, table, typed, key, time, stores, explode]
}

function unique<T>(items: readonly T[], nameOf: (item: T) => string, what: string): Map<string, T> {
  const map = new Map<string, T>()
  for (const item of items) {
    const name = nameOf(item)
    if (map.has(name))
      throw new EventTypeError(`two event types share the ${what} ${JSON.stringify(name)}: each needs its own`)
    map.set(name, item)
  }
  return map
}

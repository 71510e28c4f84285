import type { Field } from './field.ts'

/**
 * The definition of an event type: one file, from which come the table's schema, the validation, the key, the log's
 * partition key, what each store gets, and the docs page. `F` is the union of the field names.
 */
export interface EventType<F extends string = string> {
  /** The `type` of its events. */
  readonly type: string
  /** The Delta table its events become rows of. */
  readonly table: string
  readonly description: string
  readonly fields: Readonly<Record<F, Field>>
  /** The key's field: one row a key, the newest wins. Left out: a plain table, one row an event. */
  readonly key?: F
  /** The instant that orders rows of a key and clusters the table; `received_at` where it is absent. */
  readonly time?: F
  /** Fields whose values, joined, choose the log partition. Default: the key, else `user_id` if there is one, else the event_id. */
  readonly partition_by: readonly F[]
  readonly stores: StoreMappings<F>
  /** Tables computed from this one's newest rows, kept beside it (post_media). */
  readonly explode?: Explosion<F>
  /** An event as a client would send it, for the docs page and the tests. */
  readonly example: Readonly<Record<string, unknown>>
}

/** What each store gets of a table. A store that is left out gets nothing. */
export interface StoreMappings<F extends string = string> {
  postgres?: PostgresMapping<F>
  influxdb?: InfluxdbMapping<F>
  elasticsearch?: ElasticsearchMapping<F>
  neo4j?: Neo4jMapping<F>
}

/** The table as it is, all columns. */
export interface PostgresMapping<F extends string> {
  /** Column lists to index, for the questions. */
  indexes?: readonly (readonly F[])[]
}

export interface InfluxdbMapping<F extends string> {
  measurement: string
  tags: readonly F[]
  fields: readonly F[]
  time: F
}

export interface ElasticsearchMapping<F extends string> {
  index: string
  /** Full-text fields; all others are kept as keywords, numbers or dates. */
  text: readonly F[]
}

export interface Neo4jMapping<F extends string> {
  nodes: readonly NodeMapping<F>[]
  edges: readonly EdgeMapping<F>[]
}

/** MERGE (n:label {id}) from a field; with `properties`, the row sets them. `each` of a list field makes one node an item. */
export interface NodeMapping<F extends string> {
  label: string
  id: F
  properties?: readonly F[]
}

/**
 * One edge a (from, to) pair.
 * - `tally`: the edge counts its rows (`count`) and keeps the latest instant (`latest`); exact under replay.
 * - `newest`: the edge has the properties of the row with the greatest (field, event_id).
 * - `owned`: the edges belong to the row of a keyed table (a film's cast) and are replaced when the row is.
 */
export type EdgeMapping<F extends string> = {
  type: string
  from: EdgeEnd<F>
  to: EdgeEnd<F>
} & (
  | { keep: 'tally'; count: string; latest: { property: string; field: F } }
  | { keep: 'newest'; by: F; properties: readonly F[] }
  | { keep: 'owned' }
)

/** A node by label and id; the id is the value of `field`, or each item of it where it is a list. */
export interface EdgeEnd<F extends string> {
  label: string
  field: F
}

/** One row an item of a list field of the newest row of each key: (key, position from 0, item as `name`, sha256 of the media of that name). */
export interface Explosion<F extends string> {
  table: string
  list: F
}

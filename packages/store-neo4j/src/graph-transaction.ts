import type { InventoryRow, Progress, Refusal, Row } from '@sluice/store'
import type { EdgeSummary } from './edge-summary.ts'
import type { GraphTable } from './graph-table.ts'

/** What a tracked row has put into the graph: index of the edge, ends, and its place in the edge's order. */
export type HeldEdge = readonly [edge: number, from: string, to: string, order: string]

export interface RowRecord {
  identity: string
  version: number
  /** null: deleted or refused; kept so that nothing older revives the row. */
  event_id: string | null
  held: readonly HeldEdge[]
}

export interface EdgeKey {
  /** See `edgeIdentity`: unique within the edge mapping. */
  identity: string
  from: string
  to: string
}

export interface EdgeWrite extends EdgeKey {
  /** The edge is not there yet. */
  created: boolean
  /** Left out for owned edges. */
  summary?: EdgeSummary
  /** What the edge shows. */
  properties: Row
}

/**
 * One transaction on a graph engine. All its writes become durable together, or none. Batches are sets: an identity, a
 * node or an edge comes at most once in each call.
 */
export interface GraphTransaction {
  /** Reads a table's progress and locks it, so that a second writer waits until this transaction has ended. */
  lockProgress(table: string): Promise<Progress | undefined>
  writeProgress(table: string, progress: Progress): Promise<void>
  readRows(graph: GraphTable, identities: readonly string[]): Promise<RowRecord[]>
  writeRows(graph: GraphTable, records: readonly RowRecord[]): Promise<void>
  /** The summaries of those edges that exist. */
  readEdges(graph: GraphTable, edge: number, keys: readonly EdgeKey[]): Promise<Map<string, EdgeSummary>>
  writeEdges(graph: GraphTable, edge: number, writes: readonly EdgeWrite[]): Promise<void>
  deleteEdges(graph: GraphTable, edge: number, keys: readonly EdgeKey[]): Promise<void>
  /** Makes bare nodes where there are none. */
  mergeNodes(label: string, ids: readonly string[]): Promise<void>
  /** Sets the properties of existing nodes. */
  setNodeProperties(graph: GraphTable, label: string, nodes: readonly { id: string; properties: Row }[]): Promise<void>
  /** Takes properties off those of the nodes that exist. */
  clearNodeProperties(label: string, properties: readonly string[], ids: readonly string[]): Promise<void>
  /** Deletes those of the nodes that have neither an edge nor a property. */
  deleteLonelyNodes(label: string, ids: readonly string[]): Promise<void>
  writeRefusals(table: string, refusals: readonly Refusal[], cleared: readonly string[]): Promise<void>
}

/** A graph engine. */
export interface GraphEngine {
  /** The tables that were declared, by whichever process, as they were declared last. */
  tables(): Promise<readonly GraphTable[]>
  /** Makes what the tables need: schema, constraints, indexes. May be called again with more or changed tables. */
  declare(tables: readonly GraphTable[]): Promise<void>
  /** Runs the work in one transaction, again if the engine says so; errors end it without a trace. */
  write<T>(work: (transaction: GraphTransaction) => Promise<T>): Promise<T>
  /** Takes everything of the table out of the graph, its progress first. */
  forget(graph: GraphTable): Promise<void>
  progress(): Promise<Record<string, Progress>>
  inventory(graph: GraphTable, after: string | undefined, limit: number): Promise<InventoryRow[]>
  refusals(table: string, after: string | undefined, limit: number): Promise<Refusal[]>
  /** Answers a reading Cypher query. */
  query(cypher: string, parameters: Readonly<Record<string, string | number>>): Promise<Row[]>
  close(): Promise<void>
}

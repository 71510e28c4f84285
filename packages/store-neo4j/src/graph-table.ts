import type { EdgeMapping, EventType, Field, NodeMapping } from '@sluice/events'
import { EDGE_ORDERS } from '@sluice/events/definition-rules'
import { type StoredTable, StoreError } from '@sluice/store'

/**
 * What the graph keeps of one lake table.
 *
 * The rows of a `tracked` table are remembered one by one (identity, version, what each put into the graph), so that
 * an update or delete takes back exactly that. Of an untracked table, a plain one whose edges all sum up their rows,
 * only the edges are kept, each with the count of its rows and its newest few.
 */
export interface GraphTable {
  table: string
  type: EventType
  tracked: boolean
  nodes: readonly NodeMapping<string>[]
  edges: readonly EdgeMapping<string>[]
}

/** Labels, edge types and properties become part of query texts, so they are names and nothing else. */
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,127}$/

/** @throws StoreError `failed` for a mapping that the graph cannot hold, saying which part of it. */
export function graphTable({ type, table }: StoredTable): GraphTable {
  const { nodes = [], edges = [] } = type.stores.neo4j ?? {}
  for (const name of namesOf(nodes, edges))
    if (!NAME.test(name)) throw unusable(table, `${JSON.stringify(name)} is no name`)
  for (const field of endFieldsOf(nodes, edges)) {
    const kind = fieldOf(type, field).kind
    if (kind === 'float' || kind === 'double' || kind === 'instant')
      throw unusable(
        table,
        `${field} is a ${kind}, and the id of a node is a string, a whole number, a decimal or a boolean`,
      )
  }
  for (const edge of edges) {
    if (edge.keep === 'tally' && fieldOf(type, edge.latest.field).kind !== 'instant')
      throw unusable(table, `${edge.type} keeps the latest ${edge.latest.field}, which is no instant`)
    if (edge.keep === 'newest' && !EDGE_ORDERS.includes(fieldOf(type, edge.by).kind))
      throw unusable(table, `${edge.type} is ordered by ${edge.by}, which is no instant or whole number`)
  }
  const tracked = type.key !== undefined || edges.length === 0 || edges.some((edge) => edge.keep === 'owned')
  return { table, type, tracked, nodes, edges }
}

export function fieldOf(type: EventType, name: string): Field {
  const field = type.fields[name]
  if (!field) throw unusable(type.table, `the type ${type.type} has no field ${name}`)
  return field
}

/** Every label a table's nodes and edges name. */
export function labelsOf({ nodes, edges }: GraphTable): string[] {
  return [
    ...new Set([...nodes.map((node) => node.label), ...edges.flatMap((edge) => [edge.from.label, edge.to.label])]),
  ]
}

/** Names an edge mapping within its table: by its type, and its position where the type stands there twice. */
export function edgeName({ edges }: GraphTable, index: number): string {
  const type = edges[index]?.type ?? ''
  return edges.filter((edge) => edge.type === type).length === 1 ? type : `${type}_${index}`
}

/** The properties an edge shows, with the kind of the field each comes from. */
export function edgeProperties(
  { type }: GraphTable,
  edge: EdgeMapping<string>,
): { name: string; kind: Field['kind'] }[] {
  if (edge.keep === 'owned') return []
  if (edge.keep === 'newest') return edge.properties.map((name) => ({ name, kind: fieldOf(type, name).kind }))
  return [
    { name: edge.count, kind: 'int' },
    { name: edge.latest.property, kind: 'instant' },
  ]
}

/** The same for two mappings only if the graph holds the same for them. */
export function mappingText(graph: GraphTable): string {
  const nodes = graph.nodes.map((node) => [node, node.properties?.map((name) => fieldOf(graph.type, name).kind)])
  const edges = graph.edges.map((edge) => [edge, edgeProperties(graph, edge)])
  return JSON.stringify([graph.tracked, graph.type.key, nodes, edges])
}

function namesOf(nodes: GraphTable['nodes'], edges: GraphTable['edges']): string[] {
  return [
    ...nodes.flatMap((node) => [node.label, ...(node.properties ?? [])]),
    ...edges.flatMap((edge) => [edge.type, edge.from.label, edge.to.label]),
    ...edges.flatMap((edge) =>
      edge.keep === 'tally' ? [edge.count, edge.latest.property] : edge.keep === 'newest' ? edge.properties : [],
    ),
  ]
}

const endFieldsOf = (nodes: GraphTable['nodes'], edges: GraphTable['edges']): string[] => [
  ...nodes.map((node) => node.id),
  ...edges.flatMap((edge) => [edge.from.field, edge.to.field]),
]

const unusable = (table: string, why: string): StoreError =>
  new StoreError('failed', `the graph mapping of table ${table} cannot be used: ${why}`)

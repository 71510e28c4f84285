import type { EdgeMapping, EventType } from '@sluice/events'
import type { Row } from '@sluice/store'
import { compareUtf8, type Entry } from './edge-summary.ts'
import { fieldOf, type GraphTable } from './graph-table.ts'
import { joined } from './pair-identity.ts'

/** What one row puts into the graph. */
export interface RowGraph {
  nodes: { label: string; id: string; properties?: Row }[]
  edges: RowEdge[]
}

export interface RowEdge {
  /** Index in the table's mapping. */
  edge: number
  from: string
  to: string
  entry: Entry
}

/** Ids are kept in unique indexes, whose keys end at 8,191 bytes in Neo4j. */
const ID_LIMIT_BYTES = 4_000
/** The same for the two ids of an edge together, as `joined` writes them, where edges are listed by them. */
const PAIR_LIMIT_BYTES = 7_800
/** An edge remembers the texts of its newest row, which are read and written with each batch that touches it. */
const TEXT_LIMIT_BYTES = 4 * 1024 * 1024

/** Why the graph cannot hold a row; undefined if it can. */
export function refusalReason(graph: GraphTable, identity: string, row: Row): string | undefined {
  if (Buffer.byteLength(identity) > ID_LIMIT_BYTES) return tooLong('identity', ID_LIMIT_BYTES)
  for (const field of idFields(graph))
    for (const id of idsOf(row, field))
      if (Buffer.byteLength(id) > ID_LIMIT_BYTES) return tooLong(field, ID_LIMIT_BYTES)
  if (!graph.tracked)
    for (const { from, to } of graph.edges)
      for (const start of idsOf(row, from.field))
        for (const end of idsOf(row, to.field))
          if (Buffer.byteLength(joined(start, end)) > PAIR_LIMIT_BYTES)
            return tooLong(`the pair of ${from.field} and ${to.field}`, PAIR_LIMIT_BYTES)
  for (const field of propertyFields(graph)) {
    const value = row[field]
    const text = Array.isArray(value) ? JSON.stringify(value) : value
    if (typeof text === 'string' && Buffer.byteLength(text) > TEXT_LIMIT_BYTES) return tooLong(field, TEXT_LIMIT_BYTES)
  }
  return undefined
}

const tooLong = (what: string, limit: number): string =>
  `${what} has more than ${limit} bytes, which the graph store cannot hold`

const idFields = ({ nodes, edges }: GraphTable): string[] => [
  ...new Set([...nodes.map((node) => node.id), ...edges.flatMap((edge) => [edge.from.field, edge.to.field])]),
]

const propertyFields = ({ nodes, edges }: GraphTable): string[] => [
  ...new Set([
    ...nodes.flatMap((node) => node.properties ?? []),
    ...edges.flatMap((edge) => (edge.keep === 'newest' ? [...edge.properties, edge.by] : [])),
  ]),
]

/** Rows without a value for one of an edge's ends put no such edge into the graph. */
export function rowGraph(graph: GraphTable, row: Row): RowGraph {
  const nodes: RowGraph['nodes'] = []
  for (const { label, id, properties } of graph.nodes)
    for (const node of idsOf(row, id))
      nodes.push(properties ? { label, id: node, properties: picked(row, properties) } : { label, id: node })
  const edges: RowEdge[] = []
  graph.edges.forEach((mapping, edge) => {
    const entry = entryOf(graph.type, mapping, row)
    for (const from of idsOf(row, mapping.from.field)) {
      nodes.push({ label: mapping.from.label, id: from })
      for (const to of idsOf(row, mapping.to.field)) edges.push({ edge, from, to, entry })
    }
    for (const to of idsOf(row, mapping.to.field)) nodes.push({ label: mapping.to.label, id: to })
  })
  return { nodes, edges }
}

function entryOf(type: EventType, mapping: EdgeMapping<string>, row: Row): Entry {
  const event_id = String(row.event_id)
  if (mapping.keep === 'owned') return { order: '', event_id, properties: {} }
  const field = mapping.keep === 'tally' ? mapping.latest.field : mapping.by
  const properties = mapping.keep === 'tally' ? {} : picked(row, mapping.properties)
  return { order: orderText(fieldOf(type, field).kind, row[field]), event_id, properties }
}

function idsOf(row: Row, field: string): string[] {
  const value = row[field]
  if (value === null || value === undefined) return []
  return [...new Set(Array.isArray(value) ? value.map(String) : [String(value)])].sort(compareUtf8)
}

function picked(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(names.map((name) => [name, row[name] ?? null]))
}

/** A text that sorts by its UTF-8 bytes as the value does. */
function orderText(kind: string, value: Row[string] | undefined): string {
  if (value === null || value === undefined) return ''
  if (kind === 'int' || kind === 'long') return `+${(BigInt(String(value)) + 2n ** 63n).toString().padStart(20, '0')}`
  return kind === 'instant' ? instantText(String(value)) : `+${value}`
}

/** With exactly six digits of a second, so that texts compare as instants. */
function instantText(value: string): string {
  const [, seconds = value, fraction = ''] = /^([^.]*?)(?:\.(\d+))?Z$/.exec(value) ?? []
  return `${seconds}.${fraction.slice(0, 6).padEnd(6, '0')}Z`
}

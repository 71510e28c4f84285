import type { ApplyOutcome, ChangeBatch, Refusal, Row, RowChange } from '@sluice/store'
import { sameProgress } from '@sluice/store/same-progress'
import { type EdgeSummary, type Entry, withoutRows, withRows } from './edge-summary.ts'
import { edgeName, type GraphTable } from './graph-table.ts'
import type { EdgeKey, EdgeWrite, GraphTransaction, HeldEdge, RowRecord } from './graph-transaction.ts'
import { joined } from './pair-identity.ts'
import { type RowEdge, type RowGraph, refusalReason, rowGraph } from './row-graph.ts'

/** An edge's newest rows are gone and the graph does not know the next ones: the table must be loaded anew. */
export class RowsUnknown extends Error {}

/** What a batch does to one edge. */
interface EdgeChange extends EdgeKey {
  added: Entry[]
  removed: Entry[]
}

/** The change of one row, told apart into what it takes back and what it puts in. */
interface RowStep {
  change: RowChange
  before: readonly HeldEdge[]
  beforeId: string
  after: RowGraph
  refusal?: Refusal
}

/**
 * Applies a batch within a transaction.
 * @throws RowsUnknown when the graph cannot take back what the batch deletes; nothing of the transaction may be kept.
 */
export async function applyChanges(
  transaction: GraphTransaction,
  graph: GraphTable,
  batch: ChangeBatch,
): Promise<ApplyOutcome> {
  const actual = await transaction.lockProgress(graph.table)
  if (!sameProgress(actual, batch.expected)) return { kind: 'superseded', actual }
  const changes = newestPerIdentity(batch.changes)
  const records = graph.tracked ? await readRecords(transaction, graph, changes) : new Map<string, RowRecord>()
  const steps = changes.flatMap((change) => stepOf(graph, change, records.get(change.identity)) ?? [])

  await writeNodes(transaction, graph, steps)
  for (let edge = 0; edge < graph.edges.length; edge++) await writeEdges(transaction, graph, edge, steps)
  if (graph.tracked) await transaction.writeRows(graph, steps.map(recordOf))
  await clearNodes(transaction, graph, steps)

  const refused = steps.flatMap((step) => step.refusal ?? [])
  const cleared = steps.filter((step) => !step.refusal).map((step) => step.change.identity)
  await transaction.writeRefusals(graph.table, refused, cleared)
  await transaction.writeProgress(graph.table, batch.next)
  return { kind: 'applied', refused }
}

/** An edge's identity among those of its mapping: the pair, and the row for owned edges. */
export function edgeIdentity(graph: GraphTable, edge: number, from: string, to: string, owner: string): string {
  const name = edgeName(graph, edge)
  return graph.edges[edge]?.keep === 'owned' ? joined(name, from, to, owner) : joined(name, from, to)
}

function newestPerIdentity(changes: readonly RowChange[]): RowChange[] {
  const newest = new Map<string, RowChange>()
  for (const change of changes) {
    const other = newest.get(change.identity)
    if (!other || other.version <= change.version) newest.set(change.identity, change)
  }
  return [...newest.values()]
}

async function readRecords(transaction: GraphTransaction, graph: GraphTable, changes: readonly RowChange[]) {
  const records = await transaction.readRows(
    graph,
    changes.map((change) => change.identity),
  )
  return new Map(records.map((record) => [record.identity, record]))
}

function stepOf(graph: GraphTable, change: RowChange, record: RowRecord | undefined): RowStep | undefined {
  if (record && record.version > change.version) return undefined
  const nothing: RowGraph = { nodes: [], edges: [] }
  const reason = refusalReason(graph, change.identity, change.row)
  const row = reason === undefined ? rowGraph(graph, change.row) : nothing
  const deleted = graph.tracked ? (record?.held ?? []) : change.op === 'delete' ? row.edges.map(held) : []
  const step = { change, before: deleted, beforeId: record?.event_id ?? String(change.row.event_id) }
  if (change.op === 'delete') return { ...step, after: nothing }
  if (reason === undefined) return { ...step, after: row }
  const event_id = String(change.row.event_id)
  return { ...step, after: nothing, refusal: { identity: change.identity, event_id, reason } }
}

const held = ({ edge, from, to, entry }: RowEdge): HeldEdge => [edge, from, to, entry.order]

const recordOf = ({ change, after, refusal }: RowStep): RowRecord => ({
  identity: change.identity,
  version: change.version,
  event_id: change.op === 'delete' || refusal ? null : String(change.row.event_id),
  held: after.edges.map(held),
})

async function writeNodes(transaction: GraphTransaction, graph: GraphTable, steps: readonly RowStep[]): Promise<void> {
  const ids = new Map<string, Set<string>>()
  const properties = new Map<string, Map<string, Row>>()
  for (const { after } of steps)
    for (const node of after.nodes) {
      grouped(ids, node.label, () => new Set()).add(node.id)
      if (node.properties) grouped(properties, node.label, () => new Map()).set(node.id, node.properties)
    }
  for (const [label, found] of ids) await transaction.mergeNodes(label, [...found])
  for (const [label, found] of properties)
    await transaction.setNodeProperties(
      graph,
      label,
      [...found].map(([id, row]) => ({ id, properties: row })),
    )
}

async function writeEdges(
  transaction: GraphTransaction,
  graph: GraphTable,
  edge: number,
  steps: readonly RowStep[],
): Promise<void> {
  const mapping = graph.edges[edge]
  if (!mapping) return
  const changes = edgeChanges(graph, edge, steps)
  const summed = mapping.keep !== 'owned'
  const known =
    summed && changes.length > 0 ? await transaction.readEdges(graph, edge, changes) : new Map<string, EdgeSummary>()
  const writes: EdgeWrite[] = []
  const deletes: EdgeKey[] = []
  for (const { identity, from, to, added, removed } of changes) {
    const summary = known.get(identity)
    if (!summed) {
      if (added.length > 0 && removed.length === 0) writes.push({ identity, from, to, created: true, properties: {} })
      if (added.length === 0 && removed.length > 0) deletes.push({ identity, from, to })
      continue
    }
    const grown = added.length > 0 ? withRows(summary, added) : summary
    const left = grown && removed.length > 0 ? withoutRows(grown, removed) : grown
    if (left === 'unknown') throw new RowsUnknown(`the rows of edge ${identity} of table ${graph.table} are not known`)
    if (left)
      writes.push({ identity, from, to, created: !summary, summary: left, properties: shown(graph, edge, left) })
    else if (summary) deletes.push({ identity, from, to })
  }
  if (deletes.length > 0) await transaction.deleteEdges(graph, edge, deletes)
  if (writes.length > 0) await transaction.writeEdges(graph, edge, writes)
}

function edgeChanges(graph: GraphTable, edge: number, steps: readonly RowStep[]): EdgeChange[] {
  const changes = new Map<string, EdgeChange>()
  const at = (from: string, to: string, owner: string): EdgeChange => {
    const identity = edgeIdentity(graph, edge, from, to, owner)
    return grouped(changes, identity, () => ({ identity, from, to, added: [], removed: [] }))
  }
  for (const { change, before, beforeId, after } of steps) {
    for (const [index, from, to, order] of before)
      if (index === edge) at(from, to, change.identity).removed.push({ order, event_id: beforeId, properties: {} })
    for (const row of after.edges) if (row.edge === edge) at(row.from, row.to, change.identity).added.push(row.entry)
  }
  return [...changes.values()]
}

/** What an edge shows of its rows. */
function shown(graph: GraphTable, edge: number, summary: EdgeSummary): Row {
  const mapping = graph.edges[edge]
  const newest = summary.newest[0]
  if (mapping?.keep !== 'tally') return newest?.properties ?? {}
  return { [mapping.count]: summary.rows, [mapping.latest.property]: newest?.order || null }
}

/** Nodes that lost their row lose its properties; those that lost their last edge too go. */
async function clearNodes(transaction: GraphTransaction, graph: GraphTable, steps: readonly RowStep[]): Promise<void> {
  const lost = new Map<string, Set<string>>()
  for (const { change, before, after, refusal } of steps) {
    const present = new Set(after.nodes.map((node) => joined(node.label, node.id)))
    const candidates = before.flatMap(([edge, from, to]) => endsOf(graph, edge, from, to))
    if (change.op === 'delete' && !refusalReason(graph, change.identity, change.row))
      candidates.push(...rowGraph(graph, change.row).nodes)
    if (refusal && graph.type.key)
      for (const { label, id } of graph.nodes)
        if (id === graph.type.key) candidates.push({ label, id: change.identity })
    for (const { label, id } of candidates)
      if (!present.has(joined(label, id))) grouped(lost, label, () => new Set<string>()).add(id)
  }
  for (const step of steps) for (const node of step.after.nodes) lost.get(node.label)?.delete(node.id)
  for (const { label, id, properties } of graph.nodes) {
    if (!properties || id !== graph.type.key) continue
    const gone = steps.filter((step) => step.after.nodes.length === 0).map((step) => step.change.identity)
    if (gone.length > 0) await transaction.clearNodeProperties(label, properties, gone)
  }
  for (const [label, ids] of lost) if (ids.size > 0) await transaction.deleteLonelyNodes(label, [...ids])
}

function endsOf(graph: GraphTable, edge: number, from: string, to: string): { label: string; id: string }[] {
  const mapping = graph.edges[edge]
  if (!mapping) return []
  return [
    { label: mapping.from.label, id: from },
    { label: mapping.to.label, id: to },
  ]
}

function grouped<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

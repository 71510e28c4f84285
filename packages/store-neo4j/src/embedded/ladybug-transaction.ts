import type { Progress, Refusal, Row } from '@sluice/store'
import { decodeEntries, type EdgeSummary, encodeEntries } from '../edge-summary.ts'
import { edgeProperties, fieldOf, type GraphTable, labelsOf } from '../graph-table.ts'
import type { EdgeKey, EdgeWrite, GraphTransaction, HeldEdge, RowRecord } from '../graph-transaction.ts'
import { joined } from '../pair-identity.ts'
import { castText, type GraphCatalog } from './graph-catalog.ts'
import type { CypherSession } from './ladybug-database.ts'

type TextRow = Record<string, string | null>

/**
 * A transaction on the embedded engine; the caller has begun it and will end it. Edges are read from their first node,
 * never by pairs: for a list of pairs the engine's plan reads the whole edge table, from nodes it follows their edges.
 */
export class LadybugTransaction implements GraphTransaction {
  readonly #session: CypherSession
  readonly #catalog: GraphCatalog

  constructor(session: CypherSession, catalog: GraphCatalog) {
    this.#session = session
    this.#catalog = catalog
  }

  async lockProgress(table: string): Promise<Progress | undefined> {
    const [row] = this.#session.run('MATCH (m:_Mirror {id: $name}) RETURN m.progress AS progress', { name: table })
    return typeof row?.progress === 'string' ? (JSON.parse(row.progress) as Progress) : undefined
  }

  async writeProgress(table: string, progress: Progress): Promise<void> {
    const text = JSON.stringify(progress)
    this.#session.run('MATCH (m:_Mirror {id: $name}) SET m.progress = $text', { name: table, text })
  }

  async readRows(graph: GraphTable, identities: readonly string[]): Promise<RowRecord[]> {
    const found = this.#each(
      `MATCH (r:${this.#catalog.rows(graph)} {id: item})
       RETURN r.id AS identity, r.version AS version, r.event_id AS event_id, r.held AS held`,
      identities,
    )
    return found.map((row) => ({
      identity: String(row.identity),
      version: Number(row.version),
      event_id: row.event_id === null ? null : String(row.event_id),
      held: JSON.parse(String(row.held)) as HeldEdge[],
    }))
  }

  async writeRows(graph: GraphTable, records: readonly RowRecord[]): Promise<void> {
    this.#upsert(
      this.#catalog.rows(graph),
      { version: 'CAST(item.version AS INT64)', event_id: 'item.event_id', held: 'item.held' },
      records.map(({ identity, version, event_id, held }) => ({
        id: identity,
        version: String(version),
        event_id,
        held: JSON.stringify(held),
      })),
    )
  }

  async readEdges(graph: GraphTable, edge: number, keys: readonly EdgeKey[]): Promise<Map<string, EdgeSummary>> {
    const wanted = new Set(keys.map((key) => key.identity))
    const mapping = graph.edges[edge]
    const found = this.#each(
      `MATCH (:${this.#catalog.label(mapping?.from.label ?? '')} {id: item})-[e:${this.#catalog.edge(graph, edge)}]->()
       RETURN e._identity AS identity, e._rows AS rows, e._newest AS newest`,
      [...new Set(keys.map((key) => key.from))],
    )
    const summaries = new Map<string, EdgeSummary>()
    for (const { identity, rows, newest } of found)
      if (wanted.has(String(identity)))
        summaries.set(String(identity), { rows: Number(rows), newest: decodeEntries(String(newest)) })
    return summaries
  }

  async writeEdges(graph: GraphTable, edge: number, writes: readonly EdgeWrite[]): Promise<void> {
    const mapping = graph.edges[edge]
    if (!mapping) return
    const [from, to] = [this.#catalog.label(mapping.from.label), this.#catalog.label(mapping.to.label)]
    const name = this.#catalog.edge(graph, edge)
    const shown = edgeProperties(graph, mapping).map((property, n) => ({ ...property, n }))
    const values = [
      '_rows: CAST(item.rows AS INT64)',
      '_newest: item.newest',
      ...shown.map(({ name: property, kind, n }) => `\`${property}\`: ${castText(kind, `item.p${n}`)}`),
    ]
    const items = (created: boolean): TextRow[] =>
      writes
        .filter((write) => write.created === created)
        .map((write) => ({
          identity: write.identity,
          from: write.from,
          to: write.to,
          rows: write.summary ? String(write.summary.rows) : null,
          newest: write.summary ? encodeEntries(write.summary.newest) : null,
          ...Object.fromEntries(shown.map(({ name: property, n }) => [`p${n}`, asText(write.properties[property])])),
        }))
    this.#each(
      `MATCH (a:${from} {id: item.from}), (b:${to} {id: item.to})
       CREATE (a)-[:${name} {_identity: item.identity, ${values.join(', ')}}]->(b)`,
      items(true),
    )
    const assignments = values.map((value) => `e.${value.replace(': ', ' = ')}`)
    this.#each(
      `MATCH (:${from} {id: item.from})-[e:${name}]->(b:${to}) WHERE b.id = item.to AND e._identity = item.identity
       SET ${assignments.join(', ')}`,
      items(false),
    )
  }

  async deleteEdges(graph: GraphTable, edge: number, keys: readonly EdgeKey[]): Promise<void> {
    const mapping = graph.edges[edge]
    if (!mapping) return
    this.#each(
      `MATCH (:${this.#catalog.label(mapping.from.label)} {id: item.from})-[e:${this.#catalog.edge(graph, edge)}]->(b:${this.#catalog.label(mapping.to.label)})
       WHERE b.id = item.to AND e._identity = item.identity DELETE e`,
      keys.map(({ identity, from, to }) => ({ identity, from, to })),
    )
  }

  async mergeNodes(label: string, ids: readonly string[]): Promise<void> {
    this.#upsert(
      this.#catalog.label(label),
      {},
      ids.map((id) => ({ id })),
    )
  }

  async setNodeProperties(
    graph: GraphTable,
    label: string,
    nodes: readonly { id: string; properties: Row }[],
  ): Promise<void> {
    const names = Object.keys(nodes[0]?.properties ?? {})
    if (names.length === 0) return
    const set = names.map((name, n) => `node.\`${name}\` = ${castText(fieldOf(graph.type, name).kind, `item.p${n}`)}`)
    this.#each(
      `MATCH (node:${this.#catalog.label(label)} {id: item.id}) SET ${set.join(', ')}`,
      nodes.map(({ id, properties }) => ({
        id,
        ...Object.fromEntries(names.map((name, n) => [`p${n}`, asText(properties[name])])),
      })),
    )
  }

  async clearNodeProperties(label: string, properties: readonly string[], ids: readonly string[]): Promise<void> {
    const set = properties.map((name) => `node.\`${name}\` = NULL`)
    if (set.length > 0) this.#each(`MATCH (node:${this.#catalog.label(label)} {id: item}) SET ${set.join(', ')}`, ids)
  }

  async deleteLonelyNodes(label: string, ids: readonly string[]): Promise<void> {
    this.#each(`MATCH (node:${this.#catalog.label(label)} {id: item}) WHERE ${this.#lonely(label)} DELETE node`, ids)
  }

  async writeRefusals(table: string, refusals: readonly Refusal[], cleared: readonly string[]): Promise<void> {
    this.#each(
      'MATCH (r:_Refused {id: item}) DELETE r',
      cleared.map((identity) => joined(table, identity)),
    )
    this.#upsert(
      '_Refused',
      {
        table_name: 'item.table_name',
        identity: 'item.identity',
        event_id: 'item.event_id',
        reason: 'item.reason',
      },
      refusals.map((refusal) => ({ ...refusal, id: joined(table, refusal.identity), table_name: table })),
    )
  }

  /** Takes everything of the table out of the graph, its progress too. */
  async forget(graph: GraphTable): Promise<void> {
    this.#catalog.drop(graph)
    this.#session.run('MATCH (r:_Refused) WHERE r.table_name = $name DELETE r', { name: graph.table })
    for (const { label, properties } of graph.nodes)
      if (properties && properties.length > 0)
        this.#session.run(
          `MATCH (node:${this.#catalog.label(label)}) SET ${properties.map((name) => `node.\`${name}\` = NULL`).join(', ')}`,
        )
    for (const label of labelsOf(graph))
      this.#session.run(`MATCH (node:${this.#catalog.label(label)}) WHERE ${this.#lonely(label)} DELETE node`)
    this.#catalog.declare(graph)
    this.#session.schemaChanged()
  }

  #lonely(label: string): string {
    const bare = this.#catalog.labelProperties(label).map((name) => `node.\`${name}\` IS NULL AND `)
    return `${bare.join('')}NOT EXISTS { MATCH (node)-[]-() }`
  }

  /**
   * Sets properties of nodes, and makes those that are not there. MERGE of LadybugDB 0.19 takes texts with characters
   * beyond ASCII for one another when a statement has several: it makes one node for many.
   * @param properties what each is set to, in Cypher
   */
  #upsert(label: string, properties: Readonly<Record<string, string>>, items: readonly (TextRow & { id: string })[]) {
    const found = this.#each(`MATCH (n:${label} {id: item.id}) RETURN n.id AS id`, items)
    const there = new Set(found.map(({ id }) => String(id)))
    const values = Object.entries(properties)
    const made = ['id: item.id', ...values.map(([name, value]) => `${name}: ${value}`)]
    const missing = new Map(items.filter(({ id }) => !there.has(id)).map((item) => [item.id, item]))
    this.#each(`CREATE (:${label} {${made.join(', ')}})`, [...missing.values()])
    if (values.length === 0) return
    const set = values.map(([name, value]) => `n.${name} = ${value}`)
    this.#each(
      `MATCH (n:${label} {id: item.id}) SET ${set.join(', ')}`,
      items.filter(({ id }) => there.has(id)),
    )
  }

  /** Runs a statement once for each item, which it knows as `item`. */
  #each(cypher: string, items: readonly (string | TextRow)[]) {
    return items.length === 0 ? [] : this.#session.run(`UNWIND $items AS item ${cypher}`, { items: [...items] })
  }
}

function asText(value: Row[string] | undefined): string | null {
  if (value === null || value === undefined) return null
  return Array.isArray(value) ? JSON.stringify(value) : String(value)
}

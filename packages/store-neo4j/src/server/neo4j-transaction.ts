import type { Progress, Refusal, Row } from '@sluice/store'
import neo4j from 'neo4j-driver'
import { decodeEntries, type EdgeSummary, encodeEntries } from '../edge-summary.ts'
import { edgeProperties, fieldOf, type GraphTable } from '../graph-table.ts'
import type { EdgeKey, EdgeWrite, GraphTransaction, HeldEdge, RowRecord } from '../graph-transaction.ts'
import type { Statements } from './graph-database.ts'
import { Interfered } from './graph-error.ts'
import { toGraph } from './graph-value.ts'
import { keyOf } from './key.ts'
import type { TrustedNodes } from './known-nodes.ts'

/** Somebody began to forget this table and did not end it: that comes first. */
export class HalfForgotten extends Error {}

interface Item {
  [name: string]: unknown
}

/**
 * A transaction on Neo4j. Rows, edges and refusals are found by their `_key` (see `keyOf`), each by a unique index. A
 * statement that finds less than it should was interfered with, and its transaction is done again.
 */
export class Neo4jTransaction implements GraphTransaction {
  readonly #statements: Statements
  readonly #nodes: TrustedNodes

  constructor(statements: Statements, nodes: TrustedNodes) {
    this.#statements = statements
    this.#nodes = nodes
  }

  async lockProgress(table: string): Promise<Progress | undefined> {
    const [row] = await this.#statements.run<{ progress: string | null; forgetting: boolean | null }>(
      `MERGE (t:\`_Table\` {name: $table}) SET t._lock = true REMOVE t._lock
       RETURN t.progress AS progress, t.forgetting AS forgetting`,
      { table },
    )
    if (row?.forgetting) throw new HalfForgotten()
    return row?.progress ? (JSON.parse(row.progress) as Progress) : undefined
  }

  async writeProgress(table: string, progress: Progress): Promise<void> {
    for (const [label, ids] of this.#nodes.unproved()) await this.#mergeAll(label, ids)
    await this.#statements.run('MATCH (t:`_Table` {name: $table}) SET t.progress = $progress', {
      table,
      progress: JSON.stringify(progress),
    })
  }

  async readRows(graph: GraphTable, identities: readonly string[]): Promise<RowRecord[]> {
    const found = await this.#each<{ identity: string; version: number; event_id: string | null; held: string }>(
      `MATCH (r:\`_Row\` {_key: item.key})
       RETURN item.identity AS identity, r.version AS version, r.event_id AS event_id, r.held AS held`,
      identities.map((identity) => ({ key: keyOf(graph.table, identity), identity })),
    )
    return found.map((row) => ({ ...row, held: JSON.parse(row.held) as HeldEdge[] }))
  }

  async writeRows(graph: GraphTable, records: readonly RowRecord[]): Promise<void> {
    await this.#all(
      'MERGE (r:`_Row` {_key: item.key}) SET r.version = item.version, r.event_id = item.event_id, r.held = item.held',
      records.map(({ identity, version, event_id, held }) => ({
        key: keyOf(graph.table, identity),
        version: neo4j.int(version),
        event_id,
        held: JSON.stringify(held),
      })),
    )
  }

  async readEdges(graph: GraphTable, edge: number, keys: readonly EdgeKey[]): Promise<Map<string, EdgeSummary>> {
    const found = await this.#each<{ identity: string; rows: number; newest: string }>(
      `${edgeByKey(graph.edges[edge]?.type, 'item.key')}
       RETURN item.identity AS identity, e._rows AS rows, e._newest AS newest`,
      keys.map(({ identity }) => ({ key: keyOf(graph.table, identity), identity })),
    )
    return new Map(found.map(({ identity, rows, newest }) => [identity, { rows, newest: decodeEntries(newest) }]))
  }

  async writeEdges(graph: GraphTable, edge: number, writes: readonly EdgeWrite[]): Promise<void> {
    const mapping = graph.edges[edge]
    if (!mapping) return
    const kinds = edgeProperties(graph, mapping)
    const items = (created: boolean) =>
      writes
        .filter((write) => write.created === created)
        .map(({ identity, from, to, summary, properties }) => {
          const key = keyOf(graph.table, identity)
          const set: Item = { _key: key }
          if (summary) Object.assign(set, { _rows: neo4j.int(summary.rows), _newest: encodeEntries(summary.newest) })
          for (const { name, kind } of kinds) set[name] = toGraph(kind, properties[name])
          return { key, from, to, set }
        })
    const names = ['_key', ...(mapping.keep === 'owned' ? [] : ['_rows', '_newest']), ...kinds.map(({ name }) => name)]
    // One by one: a whole map of properties makes Neo4j hold all rows back between two steps of its plan.
    const properties = names.map((name) => `\`${name}\`: item.set.\`${name}\``).join(', ')
    await this.#all(
      `MATCH (a:\`${mapping.from.label}\` {id: item.from}) MATCH (b:\`${mapping.to.label}\` {id: item.to})
       CREATE (a)-[:\`${mapping.type}\` {${properties}}]->(b)`,
      items(true),
    )
    await this.#all(`${edgeByKey(mapping.type, 'item.key')} SET e += item.set`, items(false))
    for (const { from, to } of writes) {
      this.#nodes.found(mapping.from.label, from)
      this.#nodes.found(mapping.to.label, to)
    }
  }

  async deleteEdges(graph: GraphTable, edge: number, keys: readonly EdgeKey[]): Promise<void> {
    await this.#each(
      `${edgeByKey(graph.edges[edge]?.type, 'item')} DELETE e`,
      keys.map(({ identity }) => keyOf(graph.table, identity)),
    )
  }

  async mergeNodes(label: string, ids: readonly string[]): Promise<void> {
    await this.#mergeAll(label, this.#nodes.unknown(label, ids))
  }

  async setNodeProperties(
    graph: GraphTable,
    label: string,
    nodes: readonly { id: string; properties: Row }[],
  ): Promise<void> {
    await this.#all(
      `MATCH (n:\`${label}\` {id: item.id}) SET n += item.set`,
      nodes.map(({ id, properties }) => ({
        id,
        set: Object.fromEntries(
          Object.entries(properties).map(([name, value]) => [name, toGraph(fieldOf(graph.type, name).kind, value)]),
        ),
      })),
    )
    for (const { id } of nodes) this.#nodes.found(label, id)
  }

  async clearNodeProperties(label: string, properties: readonly string[], ids: readonly string[]): Promise<void> {
    const removed = properties.map((name) => `n.\`${name}\``)
    if (removed.length > 0) await this.#each(`MATCH (n:\`${label}\` {id: item}) REMOVE ${removed.join(', ')}`, ids)
  }

  async deleteLonelyNodes(label: string, ids: readonly string[]): Promise<void> {
    this.#nodes.mayGo(label, ids)
    await this.#each(deletingLonely(`MATCH (n:\`${label}\` {id: item})`), [...ids].sort())
  }

  async writeRefusals(table: string, refusals: readonly Refusal[], cleared: readonly string[]): Promise<void> {
    const [held] = await this.#statements.run<{ refusals: number }>('MATCH (r:`_Refused`) RETURN count(r) AS refusals')
    if (held && held.refusals > 0)
      await this.#each(
        'MATCH (r:`_Refused` {_key: item}) DELETE r',
        cleared.map((identity) => keyOf(table, identity)),
      )
    await this.#all(
      'MERGE (r:`_Refused` {_key: item.key}) SET r += item.set',
      refusals.map((refusal) => ({ key: keyOf(table, refusal.identity), set: { ...refusal } })),
    )
  }

  /** In one order for all: two transactions that wait for each other's nodes are a deadlock. */
  #mergeAll(label: string, ids: readonly string[]): Promise<void> {
    return this.#all(`MERGE (n:\`${label}\` {id: item})`, [...ids].sort())
  }

  /** Runs a statement once for each item, which it knows as `item`. */
  async #each<T extends Item>(cypher: string, items: readonly unknown[]): Promise<T[]> {
    return items.length === 0 ? [] : this.#statements.run<T>(`UNWIND $items AS item ${cypher}`, { items })
  }

  /** The same for a statement that must find or make something for every item. */
  async #all(cypher: string, items: readonly unknown[]): Promise<void> {
    if (items.length === 0) return
    const [row] = await this.#each<{ done: number }>(`${cypher} RETURN count(*) AS done`, items)
    if (row?.done !== items.length)
      throw new Interfered(`${JSON.stringify(cypher.slice(0, 200))} found ${row?.done} of ${items.length}`)
  }
}

/**
 * An edge by its key, always sought: a statement that is planned while the graph is empty would go through the whole index
 * for each item, and its plan stays in use while the graph grows.
 */
export const edgeByKey = (type: string | undefined, key: string): string =>
  `MATCH ()-[e:\`${type}\` {_key: ${key}}]->() USING INDEX SEEK e:\`${type}\`(_key)`

/** Deletes those of the matched nodes `n` that have nothing but their id; locked first, so that none gets an edge meanwhile. */
export const deletingLonely = (match: string): string =>
  `${match} SET n._lock = true WITH n REMOVE n._lock
   WITH n WHERE size(keys(n)) = 1 AND NOT EXISTS { (n)--() } DELETE n`

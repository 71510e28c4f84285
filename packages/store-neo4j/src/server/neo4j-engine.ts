import type { InventoryRow, Progress, Refusal, Row, StoredTable } from '@sluice/store'
import neo4j from 'neo4j-driver'
import { decodeEntries } from '../edge-summary.ts'
import { edgeName, type GraphTable, graphTable, labelsOf, mappingText } from '../graph-table.ts'
import type { GraphEngine, GraphTransaction } from '../graph-transaction.ts'
import { joined } from '../pair-identity.ts'
import { finishForgetting, forgetTable } from './forgetting.ts'
import type { GraphDatabase } from './graph-database.ts'
import { fromGraph } from './graph-value.ts'
import { identityIn, keyOf, keysOf } from './key.ts'
import { KnownNodes, TrustedNodes } from './known-nodes.ts'
import { HalfForgotten, Neo4jTransaction } from './neo4j-transaction.ts'

/** How often a transaction ends what another process began to forget before its own turn comes. */
const MOST_TURNS = 5

/**
 * The graph on a Neo4j server. Beside the nodes and edges of the event types it holds nodes of its own: `_Table` one a
 * lake table (definition, progress), `_Row` one a row of a tracked table, `_Refused`.
 */
export class Neo4jEngine implements GraphEngine {
  readonly #database: GraphDatabase
  readonly #known = new KnownNodes()

  constructor(database: GraphDatabase) {
    this.#database = database
  }

  async tables(): Promise<readonly GraphTable[]> {
    const found = await this.#database.read<{ definition: string }>(
      'MATCH (t:`_Table`) WHERE t.definition IS NOT NULL RETURN t.definition AS definition',
    )
    return found.map(({ definition }) => graphTable(JSON.parse(definition) as StoredTable))
  }

  async declare(tables: readonly GraphTable[]): Promise<void> {
    for (const constraint of constraintsOf(tables)) await this.#database.write(({ run }) => run(constraint))
    const known = new Map((await this.tables()).map((graph) => [graph.table, graph]))
    for (const graph of tables) {
      const before = known.get(graph.table)
      if (before && mappingText(before) === mappingText(graph)) continue
      if (before) await this.forget(before)
      const stored: StoredTable = { type: graph.type, table: graph.table, columns: [] }
      await this.#database.write(({ run }) =>
        run('MERGE (t:`_Table` {name: $table}) SET t.definition = $definition', {
          table: graph.table,
          definition: JSON.stringify(stored),
        }),
      )
    }
  }

  async write<T>(work: (transaction: GraphTransaction) => Promise<T>): Promise<T> {
    for (let turn = 1; ; turn++) {
      try {
        return await this.#attempts(work)
      } catch (error) {
        if (!(error instanceof HalfForgotten) || turn === MOST_TURNS) throw error
        await this.#finishForgetting()
      }
    }
  }

  /** Nodes that were known and are gone are an interference: the next attempt knows none. */
  async #attempts<T>(work: (transaction: GraphTransaction) => Promise<T>): Promise<T> {
    let nodes: TrustedNodes | undefined
    const done = await this.#database.write((statements) => {
      if (nodes) this.#known.clear()
      nodes = new TrustedNodes(this.#known)
      return work(new Neo4jTransaction(statements, nodes))
    })
    nodes?.committed()
    return done
  }

  forget(graph: GraphTable): Promise<void> {
    this.#known.clear()
    return forgetTable(this.#database, graph)
  }

  async progress(): Promise<Record<string, Progress>> {
    const found = await this.#database.read<{ name: string; progress: string }>(
      'MATCH (t:`_Table`) WHERE t.progress IS NOT NULL RETURN t.name AS name, t.progress AS progress',
    )
    return Object.fromEntries(found.map(({ name, progress }) => [name, JSON.parse(progress) as Progress]))
  }

  async inventory(graph: GraphTable, after: string | undefined, limit: number): Promise<InventoryRow[]> {
    const parameters = { ...range(graph.table, after), limit: neo4j.int(limit) }
    if (graph.tracked) {
      const found = await this.#database.read<{ key: string; fingerprint: string }>(
        `MATCH (r:\`_Row\`) WHERE r._key > $after AND r._key < $end AND r.event_id IS NOT NULL
         RETURN r._key AS key, r.event_id AS fingerprint ORDER BY key LIMIT $limit`,
        parameters,
      )
      return found.map(({ key, fingerprint }) => ({ identity: identityIn(graph.table, key), fingerprint }))
    }
    const names = graph.edges.map((_, edge) => ({ edge, prefix: `${joined(edgeName(graph, edge))}|` }))
    const rows: InventoryRow[] = []
    for (const { edge, prefix } of names.sort((a, b) => (a.prefix < b.prefix ? -1 : 1)))
      if (rows.length < limit)
        rows.push(...(await this.#edgeInventory(graph, edge, prefix, after, limit - rows.length)))
    return rows
  }

  async #edgeInventory(
    graph: GraphTable,
    edge: number,
    prefix: string,
    after: string | undefined,
    limit: number,
  ): Promise<InventoryRow[]> {
    const mapping = graph.edges[edge]
    if (!mapping) return []
    const latest = mapping.keep === 'tally' ? mapping.latest.property : undefined
    const start = after !== undefined && after > prefix ? after : prefix
    const found = await this.#database.read<{ key: string; rows: number; newest: string; latest: unknown }>(
      `MATCH ()-[e:\`${mapping.type}\`]->() WHERE e._key > $after AND e._key < $end
       RETURN e._key AS key, e._rows AS rows, e._newest AS newest, ${latest ? `e.\`${latest}\`` : 'null'} AS latest
       ORDER BY key LIMIT $limit`,
      {
        after: keyOf(graph.table, start),
        end: keyOf(graph.table, `${prefix.slice(0, -1)}}`),
        limit: neo4j.int(limit),
      },
    )
    return found.map(({ key, rows, newest, latest: at }) => ({
      identity: identityIn(graph.table, key),
      fingerprint: latest ? `${rows}|${fromGraph(at) ?? ''}` : (decodeEntries(newest)[0]?.event_id ?? ''),
    }))
  }

  /** Refusals are few; their identities may be longer than what an index takes. */
  async refusals(table: string, after: string | undefined, limit: number): Promise<Refusal[]> {
    const { before, end } = keysOf(table)
    return this.#database.read(
      `MATCH (r:\`_Refused\`) WHERE r._key > $before AND r._key < $end AND ($after IS NULL OR r.identity > $after)
       RETURN r.identity AS identity, r.event_id AS event_id, r.reason AS reason ORDER BY identity LIMIT $limit`,
      { before, end, after: after ?? null, limit: neo4j.int(limit) },
    )
  }

  async query(cypher: string, parameters: Readonly<Record<string, string | number>>): Promise<Row[]> {
    const values = Object.entries(parameters).map(([name, value]) => [
      name,
      Number.isInteger(value) ? neo4j.int(value) : value,
    ])
    const found = await this.#database.read(cypher, Object.fromEntries(values))
    return found.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, fromGraph(value)])))
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  async #finishForgetting(): Promise<void> {
    const half = await this.#database.read<{ name: string }>(
      'MATCH (t:`_Table`) WHERE t.forgetting IS NOT NULL RETURN t.name AS name',
    )
    const names = new Set(half.map(({ name }) => name))
    for (const graph of await this.tables()) if (names.has(graph.table)) await finishForgetting(this.#database, graph)
  }
}

const range = (table: string, after: string | undefined) => {
  const { before, end } = keysOf(table)
  return { after: after === undefined ? before : keyOf(table, after), end }
}

/** Unique ids and keys, by which everything is found. */
function constraintsOf(tables: readonly GraphTable[]): string[] {
  const labels = new Set(tables.flatMap(labelsOf))
  const types = new Set(tables.flatMap(({ edges }) => edges.map(({ type }) => type)))
  return [
    'CREATE CONSTRAINT IF NOT EXISTS FOR (n:`_Table`) REQUIRE n.name IS UNIQUE',
    ...['_Row', '_Refused'].map((label) => unique(`(it:\`${label}\`)`, '_key')),
    ...[...labels].map((label) => unique(`(it:\`${label}\`)`, 'id')),
    ...[...types].map((type) => unique(`()-[it:\`${type}\`]-()`, '_key')),
  ]
}

const unique = (pattern: string, property: string): string =>
  `CREATE CONSTRAINT IF NOT EXISTS FOR ${pattern} REQUIRE it.${property} IS UNIQUE`

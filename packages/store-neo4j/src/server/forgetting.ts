import { type GraphTable, labelsOf } from '../graph-table.ts'
import type { GraphDatabase, Statements } from './graph-database.ts'
import { keysOf } from './key.ts'
import { deletingLonely } from './neo4j-transaction.ts'

/** What one transaction deletes: a table may be larger than the memory of a transaction. */
const PART = 5_000

/**
 * Takes a table out of the graph in many small transactions: first its progress, so that whoever finds it half way
 * ends it before anything else. Two that forget it at once take turns, and stop when it is done.
 */
export async function forgetTable(database: GraphDatabase, graph: GraphTable): Promise<void> {
  const { table } = graph
  await database.write((statements) =>
    statements.run('MERGE (t:`_Table` {name: $table}) SET t.forgetting = true REMOVE t.progress', { table }),
  )
  await finishForgetting(database, graph)
}

export async function finishForgetting(database: GraphDatabase, graph: GraphTable): Promise<void> {
  const { table } = graph
  for (const type of new Set(graph.edges.map((edge) => edge.type)))
    await untilNone(database, table, keyed(`()-[it:\`${type}\`]->()`, table))
  for (const label of ['_Row', '_Refused']) await untilNone(database, table, keyed(`(it:\`${label}\`)`, table))
  for (const label of labelsOf(graph)) await clearNodes(database, graph, label)
  await database.write((statements) =>
    statements.run('MATCH (t:`_Table` {name: $table}) REMOVE t.forgetting', { table }),
  )
}

interface Part {
  cypher: string
  parameters: Record<string, unknown>
}

function keyed(pattern: string, table: string): Part {
  const { before, end } = keysOf(table)
  return {
    cypher: `MATCH ${pattern} WHERE it._key > $before AND it._key < $end WITH it LIMIT ${PART} DELETE it RETURN count(*) AS done`,
    parameters: { before, end },
  }
}

async function untilNone(database: GraphDatabase, table: string, { cypher, parameters }: Part): Promise<void> {
  for (let done = 1; done > 0; )
    done = await whileForgetting(database, table, 0, async (statements) => {
      const [row] = await statements.run<{ done: number }>(cypher, parameters)
      return row?.done ?? 0
    })
}

/** Takes the table's properties off its nodes, and away those nodes that nothing else holds, in order of their ids. */
async function clearNodes(database: GraphDatabase, graph: GraphTable, label: string): Promise<void> {
  const properties = graph.nodes.flatMap((node) => (node.label === label ? (node.properties ?? []) : []))
  const removed = properties.map((name) => `n.\`${name}\``).join(', ')
  for (let after: string | undefined = ''; after !== undefined; ) {
    const from: string = after
    after = await whileForgetting(database, graph.table, undefined, async (statements) => {
      const found = await statements.run<{ id: string }>(
        `MATCH (n:\`${label}\`) WHERE n.id ${from === '' ? '>=' : '>'} $from RETURN n.id AS id ORDER BY id LIMIT ${PART}`,
        { from },
      )
      const ids = found.map(({ id }) => id)
      const each = `UNWIND $ids AS id MATCH (n:\`${label}\` {id: id})`
      if (removed !== '') await statements.run(`${each} REMOVE ${removed}`, { ids })
      await statements.run(deletingLonely(each), { ids })
      return ids.length === PART ? ids.at(-1) : undefined
    })
  }
}

/** One part of the work, unless another process has finished it; while it lasts nobody else writes to the table. */
async function whileForgetting<T>(
  database: GraphDatabase,
  table: string,
  otherwise: T,
  work: (statements: Statements) => Promise<T>,
): Promise<T> {
  return database.write(async (statements) => {
    const [row] = await statements.run<{ forgetting: boolean | null }>(
      'MATCH (t:`_Table` {name: $table}) SET t._lock = true REMOVE t._lock RETURN t.forgetting AS forgetting',
      { table },
    )
    return row?.forgetting ? work(statements) : otherwise
  })
}

import type { StoredTable } from '@sluice/store'
import { expect, test } from 'vitest'
import { graphTable } from '../src/graph-table.ts'
import { KnownNodes, TrustedNodes } from '../src/server/known-nodes.ts'
import { Neo4jTransaction } from '../src/server/neo4j-transaction.ts'
import { movies, views } from './graph-tables.ts'

/** A transaction whose statements find whatever they are asked for, and what they were. */
function recorded(known: KnownNodes) {
  const merged: string[] = []
  const nodes = new TrustedNodes(known)
  const transaction = new Neo4jTransaction(
    {
      run: async (cypher, parameters) => {
        const items = (parameters?.['items'] ?? []) as string[]
        if (cypher.includes('MERGE (n:`')) merged.push(...items)
        return [{ done: items.length }] as never
      },
    },
    nodes,
  )
  return { transaction, nodes, merged }
}
const graphOf = (table: StoredTable) => graphTable(table)
const at = { table_id: 't', version: 1 }

test('a node is merged once, and again after it may have gone', async () => {
  const known = new KnownNodes()
  const first = recorded(known)
  await first.transaction.mergeNodes('User', ['u2', 'u1'])
  first.nodes.committed()
  expect(first.merged).toEqual(['u1', 'u2'])

  const next = recorded(known)
  await next.transaction.mergeNodes('User', ['u1', 'u3'])
  expect(next.merged).toEqual(['u3'])
  await next.transaction.deleteLonelyNodes('User', ['u2'])
  next.nodes.committed()
  expect(['u1', 'u2', 'u3'].map((id) => known.has('User', id))).toEqual([true, false, true])
})

test('what was rolled back is not known', async () => {
  const known = new KnownNodes()
  await recorded(known).transaction.mergeNodes('User', ['u1'])
  expect(known.has('User', 'u1')).toBe(false)
})

test('a known node is merged before the end unless an edge or its properties prove it', async () => {
  const known = new KnownNodes()
  known.add('User', ['u1', 'u2'])
  known.add('Movie', ['m1', 'm2'])
  const { transaction, merged } = recorded(known)
  await transaction.mergeNodes('User', ['u1', 'u2'])
  await transaction.mergeNodes('Movie', ['m1', 'm2'])
  const edge = { identity: 'WATCHED|u1|m1', from: 'u1', to: 'm1', created: true, properties: {} }
  await transaction.writeEdges(graphOf(views), 0, [{ ...edge, summary: { rows: 1, newest: [] } }])
  await transaction.setNodeProperties(graphOf(movies), 'Movie', [{ id: 'm2', properties: { title: 'x' } }])
  expect(merged).toEqual([])
  await transaction.writeProgress('viewing_history', at)
  expect(merged).toEqual(['u2'])
})

test('what is known is bounded', () => {
  const known = new KnownNodes()
  known.add(
    'User',
    Array.from({ length: 250_000 }, (_, n) => `u${n}`),
  )
  const held = Array.from({ length: 250_000 }, (_, n) => `u${n}`).filter((id) => known.has('User', id))
  expect(held.length).toBeLessThanOrEqual(200_000)
  expect(known.has('User', 'u249999')).toBe(true)
})

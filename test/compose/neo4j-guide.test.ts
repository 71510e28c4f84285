import { type EventTypes, loadEventTypes } from '@sluice/events'
import { cypherQuestions } from '@sluice/store-neo4j/questions'
import { beforeAll, describe, expect, it } from 'vitest'
import { type SavedQuestion, statementsOf } from '../../infra/provision/cypher-file.ts'
import { guideAsciidoc, guideHtml, savedQuestions } from '../../infra/provision/neo4j-guide.ts'
import { readRepository as read } from './compose-file.ts'

let types: EventTypes
beforeAll(async () => {
  types = await loadEventTypes({})
})

describe("Neo4j's guide and constraints", () => {
  let questions: SavedQuestion[]
  beforeAll(async () => {
    questions = await savedQuestions(new URL('../../infra/neo4j/queries/', import.meta.url))
  })
  /** Labels and edge types that the event types put into the graph, with the properties they carry. */
  function graph() {
    const labels = new Set<string>()
    const edges = new Set<string>()
    const properties = new Set(['id'])
    for (const { stores } of types.byTable.values()) {
      for (const node of stores.neo4j?.nodes ?? []) {
        labels.add(node.label)
        for (const name of node.properties ?? []) properties.add(name)
      }
      for (const edge of stores.neo4j?.edges ?? []) {
        edges.add(edge.type)
        labels.add(edge.from.label).add(edge.to.label)
        if (edge.keep === 'newest') for (const name of edge.properties) properties.add(name)
        if (edge.keep === 'tally') properties.add(edge.count).add(edge.latest.property)
      }
    }
    return { labels, edges, properties }
  }

  it('constrain every label of the graph, and may be run again', async () => {
    const statements = statementsOf(await read('infra/neo4j/constraints.cypher'))
    expect(statements.every((statement) => statement.includes(' IF NOT EXISTS '))).toBe(true)
    const constrained = statements.map((statement) => /FOR \(n:(\w+)\) REQUIRE n\.id IS UNIQUE$/.exec(statement)?.[1])
    expect(constrained.sort()).toEqual([...graph().labels].sort())
  })

  it('name only labels, edges and properties that events put there', () => {
    const { labels, edges, properties } = graph()
    expect(questions.length).toBeGreaterThan(5)
    for (const { title, cypher } of questions) {
      const plain = cypher.replaceAll(/'[^']*'/g, '')
      const named = [...plain.matchAll(/\(\w*:(\w+)/g), ...plain.matchAll(/\bn:(\w+)/g)].map(([, label]) => label)
      expect([...labels], title).toEqual(expect.arrayContaining(named))
      const typed = [...plain.matchAll(/\[\w*:([\w|]+)/g)].flatMap(([, list = '']) => list.split('|'))
      expect([...edges], title).toEqual(expect.arrayContaining(typed))
      const read_of = [...plain.matchAll(/\b[a-z]\w*\.(\w+)/g)].map(([, property]) => property)
      expect([...properties], title).toEqual(expect.arrayContaining(read_of))
    }
  })

  it('hold the graph questions as the store asks them', () => {
    const asked = questions.map(({ cypher }) => cypher.replaceAll(/\s+/g, ' '))
    for (const [name, { cypher }] of Object.entries(cypherQuestions)) {
      const plain = cypher.replaceAll(/\s+/g, ' ').replace(/ LIMIT \$limit$/, '')
      expect(
        asked.some((query) => query.startsWith(plain)),
        name,
      ).toBe(true)
    }
  })

  it('set each parameter that a question needs', () => {
    for (const { title, cypher, parameters } of questions) {
      const needed = new Set([...cypher.matchAll(/\$(\w+)/g)].map(([, name]) => name))
      expect(new Set(parameters.map((line) => /^:param (\w+) => '/.exec(line)?.[1])), title).toEqual(needed)
    }
  })

  it('are shown in both forms, with nothing that the page would take for markup', () => {
    const html = guideHtml(questions)
    const adoc = guideAsciidoc(questions)
    for (const { title } of questions) {
      expect(html).toContain(`<h3>${title}</h3>`)
      expect(adoc).toContain(`\n== ${title}\n`)
    }
    expect(html).toContain('-[:WATCHED]-&gt;')
    expect(html.replaceAll(/<\/?(article|carousel|slide|div|h3|p|pre)\b[^>]*>/g, '')).not.toMatch(/[<>]/)
  })
})

import type { EdgeMapping, Field } from '@sluice/events'
import type { StoredTable } from '@sluice/store'
import { edgeProperties, fieldOf, type GraphTable, graphTable, labelsOf } from '../graph-table.ts'
import type { CypherSession } from './ladybug-database.ts'

/**
 * Which engine tables hold what, kept in the database itself: `_Mirror` one node a lake table, `_Name` the names of the
 * engine's tables. Names are a label or an edge type as they are, unless taken: the engine knows one namespace for
 * both, without regard to case.
 */
export class GraphCatalog {
  readonly #session: CypherSession
  readonly #names = new Map<string, string>()
  #tables: GraphTable[] = []

  constructor(session: CypherSession) {
    this.#session = session
    session.run('CREATE NODE TABLE IF NOT EXISTS _Mirror(id STRING PRIMARY KEY, definition STRING, progress STRING)')
    session.run('CREATE NODE TABLE IF NOT EXISTS _Name(id STRING PRIMARY KEY, name STRING)')
    session.run(
      'CREATE NODE TABLE IF NOT EXISTS _Refused(id STRING PRIMARY KEY, table_name STRING, identity STRING, event_id STRING, reason STRING)',
    )
    this.load()
  }

  /** The lake tables known, with the mapping they were declared with. */
  get tables(): readonly GraphTable[] {
    return this.#tables
  }

  load(): void {
    this.#names.clear()
    for (const { id, name } of this.#session.run('MATCH (n:_Name) RETURN n.id AS id, n.name AS name'))
      this.#names.set(String(id), String(name))
    this.#tables = this.#session
      .run('MATCH (m:_Mirror) RETURN m.definition AS definition')
      .map(({ definition }) => graphTable(JSON.parse(String(definition)) as StoredTable))
  }

  label(label: string): string {
    return this.#quoted(`label ${label}`)
  }

  edge(graph: GraphTable, edge: number): string {
    return this.#quoted(`edge ${graph.table} ${edge}`)
  }

  rows(graph: GraphTable): string {
    return this.#quoted(`rows ${graph.table}`)
  }

  labels(): string[] {
    return [...this.#names.keys()].flatMap((id) => (id.startsWith('label ') ? [id.slice('label '.length)] : []))
  }

  /** The properties that tables set on a label's nodes. */
  labelProperties(label: string): string[] {
    const found = this.#tables.flatMap((graph) => graph.nodes.filter((node) => node.label === label))
    return [...new Set(found.flatMap((node) => node.properties ?? []))]
  }

  /** Makes the engine's tables; answers false for a lake table that was declared before with another mapping. */
  declare(graph: GraphTable): void {
    for (const label of labelsOf(graph))
      this.#make(`label ${label}`, label, (name) => `CREATE NODE TABLE ${name}(id STRING PRIMARY KEY)`)
    for (const node of graph.nodes)
      for (const property of node.properties ?? [])
        this.#session.run(
          `ALTER TABLE ${this.label(node.label)} ADD IF NOT EXISTS \`${property}\` ${engineType(fieldOf(graph.type, property).kind)}`,
        )
    graph.edges.forEach((edge, index) => {
      this.#make(`edge ${graph.table} ${index}`, edge.type, (name) => this.#edgeTable(graph, edge, name))
    })
    if (graph.tracked)
      this.#make(
        `rows ${graph.table}`,
        '_Row',
        (name) => `CREATE NODE TABLE ${name}(id STRING PRIMARY KEY, version INT64, event_id STRING, held STRING)`,
      )
    const stored: StoredTable = { type: graph.type, table: graph.table, columns: [] }
    this.#session.run('MERGE (m:_Mirror {id: $name}) SET m.definition = $definition', {
      name: graph.table,
      definition: JSON.stringify(stored),
    })
  }

  /** Drops what belongs to a lake table alone. */
  drop(graph: GraphTable): void {
    const ids = [...this.#names.keys()].filter(
      (id) => id === `rows ${graph.table}` || graph.edges.some((_, index) => id === `edge ${graph.table} ${index}`),
    )
    for (const id of ids.sort()) {
      this.#session.run(`DROP TABLE ${this.#quoted(id)}`)
      this.#session.run('MATCH (n:_Name {id: $id}) DELETE n', { id })
      this.#names.delete(id)
    }
    this.#session.run('MATCH (m:_Mirror {id: $name}) DELETE m', { name: graph.table })
  }

  #edgeTable(graph: GraphTable, edge: EdgeMapping<string>, name: string): string {
    const shown = edgeProperties(graph, edge).map((property) => `\`${property.name}\` ${engineType(property.kind)}`)
    const ends = `FROM ${this.label(edge.from.label)} TO ${this.label(edge.to.label)}`
    return `CREATE REL TABLE ${name}(${[ends, '_identity STRING', '_rows INT64', '_newest STRING', ...shown].join(', ')})`
  }

  #make(id: string, wanted: string, definition: (quotedName: string) => string): void {
    if (this.#names.has(id)) return
    const taken = new Set([...this.#names.values(), '_Mirror', '_Name', '_Refused'].map((name) => name.toLowerCase()))
    let name = wanted
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${wanted}_${n}`
    this.#session.run(definition(`\`${name}\``))
    this.#session.run('CREATE (:_Name {id: $id, name: $name})', { id, name })
    this.#names.set(id, name)
  }

  #quoted(id: string): string {
    return `\`${this.#names.get(id) ?? ''}\``
  }
}

/** Lists are kept as JSON text, longs and decimals as their text, instants as RFC 3339. */
function engineType(kind: Field['kind']): 'STRING' | 'INT64' | 'DOUBLE' | 'BOOL' {
  if (kind === 'int') return 'INT64'
  if (kind === 'float' || kind === 'double') return 'DOUBLE'
  return kind === 'boolean' ? 'BOOL' : 'STRING'
}

/** A value from a text parameter: parameters of one type need no guessing by the engine. */
export function castText(kind: Field['kind'], expression: string): string {
  const type = engineType(kind)
  return type === 'STRING' ? expression : `CAST(${expression} AS ${type})`
}

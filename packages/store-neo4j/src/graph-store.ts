import {
  type Answer,
  type ApplyOutcome,
  type ChangeBatch,
  type InventoryRow,
  type Progress,
  type Refusal,
  type Store,
  type StoredTable,
  StoreError,
} from '@sluice/store'
import { applyChanges, RowsUnknown } from './apply-changes.ts'
import { type GraphTable, graphTable } from './graph-table.ts'
import type { GraphEngine } from './graph-transaction.ts'
import { cypherQuestions, questions } from './questions.ts'

/** The graph store on any engine. */
export class GraphStore implements Store {
  readonly name = 'neo4j'
  readonly #engine: GraphEngine
  readonly #tables = new Map<string, GraphTable>()

  constructor(engine: GraphEngine) {
    this.#engine = engine
  }

  async prepare(tables: readonly StoredTable[]): Promise<void> {
    const graphs = tables.map(graphTable)
    await this.#engine.declare(graphs)
    for (const graph of graphs) this.#tables.set(graph.table, graph)
  }

  progress(): Promise<Record<string, Progress>> {
    return this.#engine.progress()
  }

  async apply(batch: ChangeBatch): Promise<ApplyOutcome> {
    const graph = await this.#table(batch.table)
    try {
      return await this.#engine.write((transaction) => applyChanges(transaction, graph, batch))
    } catch (error) {
      if (!(error instanceof RowsUnknown)) throw error
      await this.forget(batch.table)
      return { kind: 'superseded', actual: undefined }
    }
  }

  async forget(table: string): Promise<void> {
    await this.#engine.forget(await this.#table(table))
  }

  refusals(table: string, after: string | undefined, limit: number): Promise<Refusal[]> {
    return this.#engine.refusals(table, after, limit)
  }

  async inventory(table: string, after: string | undefined, limit: number): Promise<InventoryRow[]> {
    return this.#engine.inventory(await this.#table(table), after, limit)
  }

  async ask(name: string, parameters: Readonly<Record<string, string>>, limit: number): Promise<Answer> {
    const question = questions.find((candidate) => candidate.name === name)
    const plan = cypherQuestions[name]
    if (!question || !plan) throw unknownQuestion(name)
    const values: Record<string, string | number> = { limit }
    for (const parameter of question.parameters) {
      const value = parameters[parameter.name] ?? parameter.default
      if (value === undefined) throw new StoreError('failed', `question ${name} needs the parameter ${parameter.name}`)
      values[parameter.name] = value
    }
    const tables = await Promise.all(plan.tables.map((table) => this.#known(table)))
    const rows = tables.includes(undefined) ? [] : await this.#engine.query(plan.cypher, values)
    return { query: `${plan.cypher}\n// parameters: ${JSON.stringify(values)}`, columns: question.columns, rows }
  }

  close(): Promise<void> {
    return this.#engine.close()
  }

  async #table(table: string): Promise<GraphTable> {
    const graph = await this.#known(table)
    if (!graph) throw new StoreError('failed', `table ${table} is not known to the graph store: call prepare first`)
    return graph
  }

  /** What this process has not prepared, an earlier one or another may have. */
  async #known(table: string): Promise<GraphTable | undefined> {
    if (!this.#tables.has(table))
      for (const graph of await this.#engine.tables())
        if (!this.#tables.has(graph.table)) this.#tables.set(graph.table, graph)
    return this.#tables.get(table)
  }
}

const unknownQuestion = (name: string): StoreError =>
  new StoreError(
    'unknown_question',
    `the graph store answers ${questions.map((question) => question.name).join(', ')}; it was asked ${name}`,
  )

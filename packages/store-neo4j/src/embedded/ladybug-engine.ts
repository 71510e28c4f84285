import { Connection, type Database, type LbugValue } from '@ladybugdb/core'
import type { InventoryRow, Progress, Refusal, Row, Store } from '@sluice/store'
import { GraphStore } from '../graph-store.ts'
import { edgeName, type GraphTable, mappingText } from '../graph-table.ts'
import type { GraphEngine, GraphTransaction } from '../graph-transaction.ts'
import { joined } from '../pair-identity.ts'
import { GraphCatalog } from './graph-catalog.ts'
import { CypherSession, openDatabase } from './ladybug-database.ts'
import { LadybugTransaction } from './ladybug-transaction.ts'

/** The graph store on LadybugDB, in a folder of its own. */
export function openLadybugStore(folder: string): Store {
  return new GraphStore(new LadybugEngine(openDatabase(folder)))
}

class LadybugEngine implements GraphEngine {
  readonly #database: Database
  readonly #writer: CypherSession
  /** Reads see what is committed, never a transaction under way. */
  readonly #reader: CypherSession
  readonly #catalog: GraphCatalog
  #lastWrite: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(database: Database) {
    this.#database = database
    this.#writer = new CypherSession(new Connection(database, 2))
    this.#reader = new CypherSession(new Connection(database, 1))
    this.#catalog = new GraphCatalog(this.#writer)
  }

  async tables(): Promise<readonly GraphTable[]> {
    return this.#catalog.tables
  }

  async declare(tables: readonly GraphTable[]): Promise<void> {
    await this.#transaction(async (transaction) => {
      for (const graph of tables) {
        const known = this.#catalog.tables.find((candidate) => candidate.table === graph.table)
        if (known && mappingText(known) === mappingText(graph)) continue
        if (known) await transaction.forget(known)
        if (known) this.#catalog.drop(known)
        this.#catalog.declare(graph)
        this.#schemaChanged()
      }
    })
    this.#catalog.load()
  }

  write<T>(work: (transaction: GraphTransaction) => Promise<T>): Promise<T> {
    return this.#transaction(work)
  }

  forget(graph: GraphTable): Promise<void> {
    return this.#transaction((transaction) => transaction.forget(graph))
  }

  #transaction<T>(work: (transaction: LadybugTransaction) => Promise<T>): Promise<T> {
    const done = this.#lastWrite.then(async () => {
      this.#writer.run('BEGIN TRANSACTION')
      try {
        const result = await work(new LadybugTransaction(this.#writer, this.#catalog))
        this.#writer.run('COMMIT')
        return result
      } catch (error) {
        this.#rollBack()
        throw error
      } finally {
        this.#reader.schemaChanged()
      }
    })
    this.#lastWrite = done.catch(() => undefined)
    return done
  }

  /** A failed statement has already ended the transaction. */
  #rollBack(): void {
    try {
      this.#writer.run('ROLLBACK')
    } catch (error) {
      if (!(error instanceof Error && error.message.includes('No active transaction'))) throw error
    }
    this.#schemaChanged()
    this.#catalog.load()
  }

  #schemaChanged(): void {
    this.#writer.schemaChanged()
    this.#reader.schemaChanged()
  }

  async progress(): Promise<Record<string, Progress>> {
    const found = this.#reader.run(
      'MATCH (m:_Mirror) WHERE m.progress IS NOT NULL RETURN m.id AS name, m.progress AS progress',
    )
    return Object.fromEntries(found.map((row) => [String(row.name), JSON.parse(String(row.progress)) as Progress]))
  }

  async inventory(graph: GraphTable, after: string | undefined, limit: number): Promise<InventoryRow[]> {
    if (graph.tracked) {
      const range = after === undefined ? '' : 'AND r.id > $after'
      const found = this.#reader.run(
        `MATCH (r:${this.#catalog.rows(graph)}) WHERE r.event_id IS NOT NULL ${range}
         RETURN r.id AS identity, r.event_id AS fingerprint ORDER BY identity LIMIT $limit`,
        after === undefined ? { limit } : { after, limit },
      )
      return found.map(inventoryRow)
    }
    const pages = graph.edges.map((_, edge) => ({ edge, prefix: `${joined(edgeName(graph, edge))}|` }))
    const rows: InventoryRow[] = []
    for (const { edge } of pages.sort((a, b) => (a.prefix < b.prefix ? -1 : 1)))
      if (rows.length < limit) rows.push(...this.#edgeInventory(graph, edge, after, limit - rows.length))
    return rows
  }

  #edgeInventory(graph: GraphTable, edge: number, after: string | undefined, limit: number): InventoryRow[] {
    const mapping = graph.edges[edge]
    const fingerprint =
      mapping?.keep === 'tally'
        ? `CAST(e._rows AS STRING) + '|' + coalesce(e.\`${mapping.latest.property}\`, '')`
        : 'e._newest'
    const found = this.#reader.run(
      `MATCH ()-[e:${this.#catalog.edge(graph, edge)}]->() ${after === undefined ? '' : 'WHERE e._identity > $after'}
       RETURN e._identity AS identity, ${fingerprint} AS fingerprint ORDER BY identity LIMIT $limit`,
      after === undefined ? { limit } : { after, limit },
    )
    if (mapping?.keep === 'tally') return found.map(inventoryRow)
    return found.map(({ identity, fingerprint: newest }) => {
      const entries: [string, string][] = JSON.parse(String(newest))
      return { identity: String(identity), fingerprint: entries[0]?.[1] ?? '' }
    })
  }

  async refusals(table: string, after: string | undefined, limit: number): Promise<Refusal[]> {
    const range = after === undefined ? '' : 'AND r.identity > $after'
    const found = this.#reader.run(
      `MATCH (r:_Refused) WHERE r.table_name = $name ${range}
       RETURN r.identity AS identity, r.event_id AS event_id, r.reason AS reason ORDER BY identity LIMIT $limit`,
      after === undefined ? { name: table, limit } : { name: table, after, limit },
    )
    return found.map((row) => ({
      identity: String(row.identity),
      event_id: String(row.event_id),
      reason: String(row.reason),
    }))
  }

  async query(cypher: string, parameters: Readonly<Record<string, string | number>>): Promise<Row[]> {
    return this.#reader
      .run(cypher, { ...parameters })
      .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainValue(value)])))
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#lastWrite
    this.#writer.close()
    this.#reader.close()
    this.#database.closeSync()
  }
}

const inventoryRow = (row: Record<string, LbugValue>): InventoryRow => ({
  identity: String(row.identity),
  fingerprint: String(row.fingerprint),
})

function plainValue(value: LbugValue): Row[string] {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value
  return String(value)
}

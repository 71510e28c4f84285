import { readFile } from 'node:fs/promises'
import { statementsOf } from './cypher-file.ts'
import { basic, request } from './request.ts'
import type { Target } from './target.ts'

export interface Neo4jOptions {
  /** The HTTP port: `http://neo4j:7474`. */
  url: string
  username: string
  password: string
  /** Statements that may be run again. */
  constraints: URL
}

/** Constraints, by the Query API. */
export function neo4j({ url, username, password, constraints }: Neo4jOptions): Target {
  const headers = basic(username, password)
  return {
    name: 'neo4j',
    async apply(signal) {
      const statements = statementsOf(await readFile(constraints, 'utf8'))
      for (const statement of statements)
        await request(`${url}/db/neo4j/query/v2`, { method: 'POST', headers, body: { statement }, signal })
      return `${statements.length} constraints are there`
    },
  }
}

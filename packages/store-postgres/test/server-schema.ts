import { randomUUID } from 'node:crypto'
import type { Row, Store } from '@sluice/store'
import { Client } from 'pg'
import { openStore } from '../src/server.ts'

/** Runs SQL by a client of its own; values as PostgreSQL's text. */
export async function selectFrom(url: string, schema: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url, types: { getTypeParser: () => String } })
  await client.connect()
  try {
    await client.query(`SET search_path = ${schema}`)
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

/** A store in a schema of its own, with what tests do to it. */
export async function serverUnderTest(url: string) {
  const schema = `sluice_test_${randomUUID().slice(0, 8)}`
  const under = {
    schema,
    store: await openStore({ url, schema }),
    select: (sql: string) => selectFrom(url, schema, sql),
    async reopen(): Promise<Store> {
      await under.store.close()
      under.store = await openStore({ url, schema })
      return under.store
    },
    async end(): Promise<void> {
      await under.store.close()
      await selectFrom(url, schema, `DROP SCHEMA ${schema} CASCADE`)
    },
  }
  return under
}

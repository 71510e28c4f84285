import { request, valueAt } from './request.ts'
import { type Target, TargetError } from './target.ts'

export interface TrinoOptions {
  url: string
  /** Where the names of the tables are asked: the console. */
  console_url: string
  console_key?: string
  /** Bucket of the lake. */
  bucket: string
}

/** Tables that come later are found by looking again. */
const AGAIN_EVERY_MS = 60_000
const USER = { 'x-trino-user': 'sluice' }
/** A statement of ours is answered in a few pages. */
const MOST_PAGES = 1_000
/** The console lists what SQL calls tables; the ledger lies beside them. */
const LEDGER = 'ledger'
const NAME = /^[a-z][a-z0-9_]*$/

/** Registers every table of the lake in Trino's catalog `lake`, schema `sluice`. Nothing of a table is changed. */
export function trino({ url, console_url, console_key, bucket }: TrinoOptions): Target {
  return {
    name: 'trino',
    again_every_ms: AGAIN_EVERY_MS,
    async apply(signal) {
      const wanted = await lakeTables(signal)
      await run('CREATE SCHEMA IF NOT EXISTS lake.sluice', signal)
      const known = new Set((await run('SHOW TABLES FROM lake.sluice', signal)).map(([name]) => name))
      for (const table of wanted)
        if (!known.has(table))
          await run(
            `CALL lake.system.register_table(schema_name => 'sluice', table_name => '${table}', table_location => 's3://${bucket}/lake/${table}')`,
            signal,
          )
      return `${wanted.length} tables are in lake.sluice`
    },
  }

  async function lakeTables(signal: AbortSignal): Promise<string[]> {
    const headers: Record<string, string> = console_key ? { authorization: `Bearer ${console_key}` } : {}
    const answer = await request(`${console_url}/v1/tables`, { headers, signal })
    const tables = valueAt(answer, 'tables')
    if (!Array.isArray(tables)) throw new TargetError('refused', 'the console answered no list of tables')
    const names = tables.map((table) => valueAt(table, 'name')).filter((name) => typeof name === 'string')
    return [...names, LEDGER].filter((name) => NAME.test(name))
  }

  /** Rows of a statement: https://trino.io/docs/current/develop/client-protocol.html */
  async function run(sql: string, signal: AbortSignal): Promise<unknown[][]> {
    let page = await request(`${url}/v1/statement`, { method: 'POST', headers: USER, body: sql, signal })
    const rows: unknown[][] = []
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const error = valueAt(page, 'error', 'message')
      if (error !== undefined) throw new TargetError('refused', `Trino refused ${sql}: ${String(error)}`)
      const data = valueAt(page, 'data')
      if (Array.isArray(data)) rows.push(...data.filter(Array.isArray))
      const next = valueAt(page, 'nextUri')
      if (typeof next !== 'string') return rows
      page = await request(next, { headers: USER, signal })
    }
    throw new TargetError('away', `Trino did not finish ${sql}`)
  }
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, instantText, literal, openDatabase, queryRows } from '../../src/duckdb/index.ts'

describe('a DuckDB of the lake', () => {
  let folder: string
  let database: Database
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'duckdb-'))
    database = await openDatabase({
      memory_limit_bytes: 100_000_000,
      threads: 1,
      temporary_path: join(folder, 'spill'),
      temporary_limit_bytes: 1_000_000,
      max_connections: 2,
    })
  })
  afterAll(async () => {
    await database.close()
    await rm(folder, { recursive: true, force: true })
  })
  const query = (sql: string, longs: 'text' | 'safe' = 'safe') =>
    database.withConnection((connection) => queryRows(connection, sql, { longs }))

  it('gives rows as plain data: long integers and decimals as texts, instants in UTC with microseconds, lists', async () => {
    expect(
      await query(
        `SELECT 1::BIGINT AS small, 9007199254740993 AS long, 1.50::DECIMAL(12,2) AS decimal, TIMESTAMPTZ '2026-01-02 03:04:05.678901+02' AS at,
         TIMESTAMP '1969-12-31 23:59:59.999999' AS before, DATE '2026-01-02' AS day, ['a', NULL] AS list, {'n': 1::HUGEINT} AS struct, NULL AS nothing, 'x' AS "__proto__"`,
      ),
    ).toEqual([
      Object.fromEntries([
        ['small', 1],
        ['long', '9007199254740993'],
        ['decimal', '1.50'],
        ['at', '2026-01-02T01:04:05.678901Z'],
        ['before', '1969-12-31T23:59:59.999999Z'],
        ['day', '2026-01-02'],
        ['list', ['a', null]],
        ['struct', { n: 1 }],
        ['nothing', null],
        ['__proto__', 'x'],
      ]),
    ])
    expect(await query('SELECT 1::BIGINT AS small', 'text')).toEqual([{ small: '1' }])
  })

  it('writes instants far away without losing a microsecond', () => {
    expect(instantText(0n)).toBe('1970-01-01T00:00:00.000000Z')
    expect(instantText(253402300799999999n)).toBe('9999-12-31T23:59:59.999999Z')
    expect(instantText(-62135596800000000n)).toBe('0001-01-01T00:00:00.000000Z')
    expect(instantText(2n ** 63n - 1n)).toBe('infinity')
  })

  it('holds the right side of a join in memory, however few rows it takes the files on the left for', async () => {
    const path = join(folder, 'keys.parquet')
    await query(`COPY (SELECT i AS key FROM range(5000) AS r(i)) TO ${literal(path)}`)
    const keys = `read_parquet([${literal(path)}], schema = MAP {'key': {name: 'key', type: 'BIGINT', default_value: NULL}})`
    const few = '(SELECT i AS key FROM range(1000) AS r(i))'
    const plan = JSON.stringify(await query(`EXPLAIN SELECT * FROM ${keys} SEMI JOIN ${few} USING (key)`))
    expect(plan).toMatch(/Join Type:[^:]*SEMI/)
    expect(plan).not.toMatch(/RIGHT_SEMI/)
  })

  it('takes any text as a literal', async () => {
    const hostile = 'it\'s "x" \\ \n \0 \u{1F600} $1 --'
    expect(await query(`SELECT ${literal(hostile)} AS text`)).toEqual([{ text: hostile }])
  })

  it('keeps a byte order mark at the beginning of a text', async () => {
    const texts = { short: '\ufeffx', long: `\ufeff${'long enough for a heap'.repeat(3)}`, only: '\ufeff' }
    const selected = Object.entries(texts).map(([name, text]) => `${literal(text)} AS ${name}`)
    expect(await query(`SELECT ${selected.join()}`)).toEqual([texts])
  })

  it('says by a code what went wrong', async () => {
    await expect(query('SELEC 1')).rejects.toMatchObject({ code: 'invalid_query' })
    await expect(query('SELECT nothing')).rejects.toMatchObject({ code: 'invalid_query' })
    await expect(query(`SELECT 'x'::INTEGER`)).rejects.toMatchObject({ code: 'invalid_value' })
    await expect(query(`FROM read_parquet('/nowhere/x.parquet')`)).rejects.toMatchObject({ code: 'file_gone' })
    const large = 'SELECT len(list(md5(i::VARCHAR))) AS n FROM range(5000000) AS r(i)'
    await expect(query(large)).rejects.toMatchObject({ code: 'out_of_memory', retryable: true })
  })

  it('gives a connection to at most `max_connections` pieces of work; temporary tables are their own', async () => {
    let running = 0
    let most = 0
    await Promise.all(
      Array.from({ length: 6 }, (_, at) =>
        database.withConnection(async (connection) => {
          most = Math.max(most, ++running)
          await connection.run(`CREATE TEMP TABLE mine AS SELECT ${at} AS n`)
          expect(await queryRows(connection, 'FROM mine')).toEqual([{ n: at }])
          running--
        }),
      ),
    )
    expect(most).toBe(2)
  })
})

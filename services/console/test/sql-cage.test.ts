import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { CAGE_LIMITS, type Relations, SqlCage } from '../src/sql/sql-cage.ts'
import type { NamedTable } from '../src/sql/sql-guard.ts'
import type { ResultFormat } from '../src/sql/sql-protocol.ts'
import { SqlRefused } from '../src/sql/sql-refused.ts'

let folder: string
let cage: SqlCage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sql-cage-'))
  await writeFile(join(folder, 'movies.csv'), 'movie_id,title\nm1,Inception\nm2,"a, ""b"""\n')
  await writeFile(join(folder, 'secret.csv'), 'secret\nhunter2\n')
  cage = new SqlCage({
    scratch_path: join(folder, 'scratch'),
    limits: { timeout_ms: 4_000, max_rows: 10_000, processes: 2 },
  })
})
afterAll(async () => {
  await cage.close()
  // A process that was killed may write until its last system call returns.
  await rm(folder, { recursive: true, maxRetries: 10 })
})

/** What statements named, since it was emptied. */
const named: NamedTable[] = []

async function relations(tables: NamedTable[]): Promise<Relations> {
  named.push(...tables)
  const unknown = tables.find(({ name, cte }) => name !== 'movies' && !cte)
  if (unknown) throw new SqlRefused('unknown_table', unknown.name)
  const movies = join(folder, 'movies.csv')
  return {
    setup: tables.map(({ name, asOf }) => (asOf ? viewOf(tableName(name, asOf), movies) : viewOf(name, movies))),
    files: [movies],
  }
}
const viewOf = (name: string, path: string) =>
  `CREATE OR REPLACE VIEW "${name}" AS SELECT * FROM read_csv('${path}', header = true)`
const tableName = (name: string, asOf: object) =>
  `${name}\u001f${'version' in asOf ? 'v' : 't'}\u001f${Object.values(asOf)[0]}`

async function text(sql: string, format: ResultFormat = 'json'): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await cage.query(sql, format, relations)) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
function busyFor(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}
const rows = async (sql: string) => JSON.parse(await text(sql)).rows
const codeOf = (sql: string) =>
  text(sql).then(
    (answer) => `answered ${answer}`,
    (error) => (error instanceof SqlRefused ? error.code : String(error)),
  )

describe('SqlCage answers', () => {
  it('a SELECT over a table, with columns and rows', async () => {
    expect(JSON.parse(await text('SELECT title FROM movies ORDER BY movie_id;'))).toEqual({
      columns: [{ name: 'title', type: 'VARCHAR' }],
      rows: [{ title: 'Inception' }, { title: 'a, "b"' }],
    })
  })

  it('values as the contract says', async () => {
    const [row] = await rows(
      `SELECT sum(1) AS n, 9007199254740993 AS big, 49.90::DECIMAL(12,2) AS money, TIMESTAMPTZ '2025-10-02 21:10:00+05:30' AS at, DATE '2025-10-02' AS day,
       TIMESTAMP '2025-10-02 21:10:00.123456' AS micros, 3.2::FLOAT AS single, [1e-45::FLOAT, 16777216, 0.1] AS singles, 0.1::DOUBLE + 0.2::DOUBLE AS doubles, 'NaN'::DOUBLE AS nan, ['a', NULL] AS list, {'x': 1} AS struct, NULL AS nothing, 1.5::DOUBLE AS half, true AS yes`,
    )
    expect(row).toEqual({
      n: 1,
      big: '9007199254740993',
      money: '49.90',
      at: '2025-10-02T15:40:00Z',
      day: '2025-10-02',
      micros: '2025-10-02T21:10:00.123456Z',
      single: 3.2,
      singles: [1.4013e-45, 16777216, 0.1],
      doubles: 0.30000000000000004,
      nan: 'NaN',
      list: ['a', null],
      struct: { x: 1 },
      nothing: null,
      half: 1.5,
      yes: true,
    })
  })

  it('an empty result with its columns', async () => {
    expect(JSON.parse(await text('SELECT title FROM movies WHERE false'))).toEqual({
      columns: [{ name: 'title', type: 'VARCHAR' }],
      rows: [],
    })
  })

  it('CSV, NDJSON and Arrow', async () => {
    expect(await text('SELECT movie_id, title FROM movies ORDER BY 1', 'csv')).toBe(
      'movie_id,title\r\nm1,Inception\r\nm2,"a, ""b"""\r\n',
    )
    expect(await text('SELECT movie_id FROM movies ORDER BY 1', 'ndjson')).toBe(
      '{"movie_id":"m1"}\n{"movie_id":"m2"}\n',
    )
    const bytes: Uint8Array[] = []
    for await (const chunk of await cage.query(
      'SELECT movie_id, 7 AS n, 2.5::DOUBLE AS x FROM movies ORDER BY 1',
      'arrow',
      relations,
    ))
      bytes.push(chunk)
    expect(
      tableFromIPC(Buffer.concat(bytes))
        .toArray()
        .map((row) => row.toJSON()),
    ).toEqual([
      { movie_id: 'm1', n: 7, x: 2.5 },
      { movie_id: 'm2', n: 7, x: 2.5 },
    ])
  })

  it('a version and a time of a table, with or without an alias', async () => {
    expect(await rows('SELECT count(*) AS n FROM movies VERSION AS OF 3')).toEqual([{ n: 2 }])
    expect(
      await rows("SELECT m.movie_id FROM movies TIMESTAMP AS OF '2026-01-01T00:00:00Z' m WHERE m.movie_id = 'm1'"),
    ).toEqual([{ movie_id: 'm1' }])
    expect(await rows("SELECT movies.movie_id FROM movies VERSION AS OF 3 WHERE movies.movie_id = 'm1'")).toEqual([
      { movie_id: 'm1' },
    ])
    const counted = async (from: string) => (await rows(`SELECT count(*) AS n FROM ${from}`))[0].n
    named.length = 0
    for (const from of [
      'movies FOR VERSION AS OF 3',
      "movies for version as of '3' AS m",
      "movies FOR TIMESTAMP AS OF '2026-01-01' m",
    ])
      expect(await counted(from)).toBe(2)
    expect(named.map(({ name, asOf }) => [name, asOf])).toEqual([
      ['movies', { version: 3 }],
      ['movies', { version: 3 }],
      ['movies', { timestamp: '2026-01-01' }],
    ])
    for (const from of [
      'movies m VERSION AS OF 3',
      'movies AS m FOR VERSION AS OF 3',
      'movies VERSION AS OF -1',
      "movies TIMESTAMP AS OF 'soon'",
    ])
      expect(await codeOf(`SELECT count(*) FROM ${from}`)).toBe('syntax_error')
    expect(await rows("SELECT 'movies VERSION AS OF 3' AS text -- movies VERSION AS OF 3")).toEqual([
      { text: 'movies VERSION AS OF 3' },
    ])
  })

  it('WITH, windows, sub-queries and functions that make rows of their arguments', async () => {
    expect(await rows('WITH x AS (SELECT * FROM movies) SELECT count(*) AS n FROM x, range(3)')).toEqual([{ n: 6 }])
    expect(
      await rows(
        'WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT max(n) AS n FROM t',
      ),
    ).toEqual([{ n: 5 }])
  })

  it('many at a time', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => rows(`SELECT ${i} AS i`)))
    expect(answers.map(([row]) => row.i)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})

describe('SqlCage refuses', () => {
  it.each([
    ["COPY (SELECT 1) TO '/tmp/x.csv'", 'not_one_select'],
    ['CREATE TABLE x AS SELECT 1', 'not_one_select'],
    ['SELECT 1; SELECT 2', 'not_one_select'],
    ['', 'not_one_select'],
    ["ATTACH '/tmp/x.db'", 'not_one_select'],
    ['INSTALL httpfs', 'not_one_select'],
    ["SET memory_limit = '1TB'", 'not_one_select'],
    ['SELEC 1', 'syntax_error'],
    ['SHOW TABLES', 'forbidden_statement'],
    ['DESCRIBE movies', 'forbidden_statement'],
    ["SELECT * FROM read_text('/etc/passwd')", 'forbidden_function'],
    ["SELECT * FROM glob('/*')", 'forbidden_function'],
    ['SELECT * FROM duckdb_settings()', 'forbidden_function'],
    ["SELECT (SELECT count(*) FROM read_csv('/etc/passwd'))", 'forbidden_function'],
    ["SELECT current_setting('temp_directory')", 'forbidden_function'],
    ["SELECT * FROM query('SELECT 1')", 'forbidden_function'],
    ["SELECT * FROM '/etc/passwd'", 'unknown_table'],
    ['SELECT * FROM information_schema.tables', 'unknown_table'],
    ['WITH "/etc/passwd" AS (SELECT * FROM "/etc/passwd") SELECT * FROM "/etc/passwd"', 'forbidden_statement'],
    ['SELECT * FROM movies.main.movies', 'forbidden_statement'],
    ['SELECT no_such_column FROM movies', 'sql_error'],
    ['SELECT * FROM range(20000)', 'too_many_rows'],
  ])('%s', async (sql, code) => {
    expect(await codeOf(sql)).toBe(code)
  })

  it('a file beside the allowed ones, even when a view names it', async () => {
    const cheat = cage.query('SELECT * FROM movies', 'json', async () => ({
      setup: [`CREATE VIEW movies AS SELECT * FROM read_csv('${join(folder, 'secret.csv')}')`],
      files: [],
    }))
    await expect(cheat).rejects.toMatchObject({ code: 'sql_error' })
  })

  it('a statement that takes too long, and goes on with the next', async () => {
    expect(await codeOf('SELECT count(*) FROM range(100000000) a, range(100000000) b')).toBe('timeout')
    expect(await rows('SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  it('a result that fails in its middle, before any of it is answered; a large one breaks off', async () => {
    const sql = "SELECT CASE WHEN range < 9000 THEN range ELSE CAST('x' || range AS INT) END FROM range(9500)"
    await expect(cage.query(sql, 'json', relations)).rejects.toMatchObject({ code: 'sql_error' })
    const eager = new SqlCage({ scratch_path: join(folder, 'eager'), limits: { held_bytes: 1, max_rows: 10_000 } })
    const chunks = await eager.query('SELECT * FROM range(20000)', 'ndjson', relations)
    let bytes = 0
    const reading = async () => {
      for await (const chunk of chunks) bytes += chunk.length
    }
    await expect(reading()).rejects.toMatchObject({ code: 'too_many_rows' })
    expect(bytes).toBeGreaterThan(0)
    await eager.close()
  })

  it('a large result whose reader comes back as its time is over: it breaks off, and ends nothing else', async () => {
    const slow = new SqlCage({
      scratch_path: join(folder, 'slow'),
      limits: { held_bytes: 1, timeout_ms: 2_000, processes: 1, queue: 0, max_rows: 10_000_000 },
    })
    for await (const _ of await slow.query('SELECT 1', 'json', relations));
    const chunks = await slow.query('SELECT * FROM range(5000000)', 'ndjson', relations)
    // This process is busy meanwhile: the time is over, and the reader comes, before it hears that the child has ended.
    setTimeout(() => busyFor(1_600), 1_000)
    const reading = async () => {
      for await (const _ of chunks) await sleep(2_200)
    }
    await expect(reading()).rejects.toMatchObject({ code: 'timeout' })
    for await (const _ of await slow.query('SELECT 1', 'json', relations));
    await slow.close()
  })

  it('a small result that nobody reads holds no process up', async () => {
    const small = new SqlCage({ scratch_path: join(folder, 'unread'), limits: { processes: 1, queue: 0 } })
    await small.query('SELECT 1', 'json', relations)
    for await (const _ of await small.query('SELECT 1', 'json', relations));
    await small.close()
  })

  it('what cannot be started leaves its place to the next', async () => {
    const path = join(folder, 'in-the-way')
    await writeFile(path, '')
    const stuck = new SqlCage({ scratch_path: path, limits: { processes: 1, queue: 0 } })
    await expect(stuck.query('SELECT 1', 'json', relations)).rejects.toThrow('EEXIST')
    await rm(path)
    for await (const _ of await stuck.query('SELECT 1', 'json', relations));
    await stuck.close()
  })

  it('those who wait behind what cannot be started are told too', async () => {
    const path = join(folder, 'in-the-way-too')
    await writeFile(path, '')
    const stuck = new SqlCage({ scratch_path: path, limits: { processes: 1, queue: 1 } })
    const asked = [stuck.query('SELECT 1', 'json', relations), stuck.query('SELECT 2', 'json', relations)]
    const answers = await Promise.allSettled(asked)
    expect(answers.map((answer) => answer.status === 'rejected' && answer.reason.code)).toEqual(['EEXIST', 'EEXIST'])
    await rm(path)
    for await (const _ of await stuck.query('SELECT 1', 'json', relations));
    await stuck.close()
  })

  it('one too many in the queue', async () => {
    const small = new SqlCage({ scratch_path: join(folder, 'small'), limits: { processes: 1, queue: 0 } })
    const first = small.query('SELECT 1', 'json', relations)
    await expect(small.query('SELECT 1', 'json', relations)).rejects.toMatchObject({ code: 'busy' })
    for await (const _ of await first);
    await small.close()
  })
})

describe('SqlCage starts processes', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => vi.useRealTimers())

  /** Begins a statement. Resolves when a process is being started for it, which takes much longer than the step from here. */
  async function begun(cage: SqlCage, sql: string) {
    const answer = cage.query(sql, 'json', relations)
    // Whoever looks at it later hears of it.
    answer.catch(() => undefined)
    while (vi.getTimerCount() === 0) await turn()
    return { answer }
  }

  it('whose start is not taken from the time of their statement', async () => {
    const cage = new SqlCage({ scratch_path: join(folder, 'start'), limits: { timeout_ms: 1_000 } })
    const { answer } = await begun(cage, 'SELECT 1')
    vi.advanceTimersByTime(CAGE_LIMITS.start_limit_ms - 1)
    for await (const _ of await answer);
    await cage.close()
  })

  it('one that is not ready in time is ended, says so, and leaves its place to the next', async () => {
    const cage = new SqlCage({ scratch_path: join(folder, 'late'), limits: { processes: 1, queue: 1 } })
    const { answer } = await begun(cage, 'SELECT 1')
    const next = cage.query('SELECT 2', 'json', relations)
    vi.advanceTimersByTime(CAGE_LIMITS.start_limit_ms)
    await expect(answer).rejects.toMatchObject({
      code: 'crashed',
      message: expect.stringContaining('not ready 30000 ms'),
    })
    for await (const _ of await next);
    await cage.close()
  })
})

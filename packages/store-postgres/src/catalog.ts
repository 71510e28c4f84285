import type { Progress, StoredTable } from '@sluice/store'
import { widens } from './column-type.ts'
import { quoted } from './quoted.ts'
import type { SqlDatabase, SqlRow, SqlTransaction } from './sql-database.ts'
import { columnDefinition, indexName, type TableLayout, tableLayout, tableName } from './table-layout.ts'

/** Two sinks that prepare at once take turns: any number that is the same for all of them. */
const PREPARE_LOCK = 7_355_608

/**
 * Changes to the store's own tables, in order; never edited, only added to.
 * - `_table`: one row a lake table: its layout, and how far the store follows it.
 * - `_absent`: identities that are not in a table for a reason, with the version that took them away: a deleted row has
 *   no reason, a refused one has PostgreSQL's. Identities are bytes: they may hold NUL, and sort as the lake's do.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE _table (
     name text COLLATE "C" PRIMARY KEY, layout text NOT NULL,
     table_id text, version bigint, step_target bigint, step_chunks integer)`,
  `CREATE TABLE _absent (
     table_name text COLLATE "C" NOT NULL, identity bytea NOT NULL, version bigint NOT NULL,
     event_id bytea, reason text, PRIMARY KEY (table_name, identity))`,
  `CREATE INDEX _refused ON _absent (table_name, identity) WHERE reason IS NOT NULL`,
]

/** Brings the store's own tables up to date, made in `schema` if they are new. */
export async function migrate(database: SqlDatabase, schema: string): Promise<void> {
  await database.transaction(async (transaction) => {
    await transaction.query('SELECT pg_advisory_xact_lock($1)', [PREPARE_LOCK])
    // CREATE SCHEMA IF NOT EXISTS needs the right to create one even where it exists.
    const [there] = await transaction.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema])
    if (!there) await transaction.query(`CREATE SCHEMA ${quoted(schema)}`)
    await transaction.query(
      'CREATE TABLE IF NOT EXISTS _migration (number integer PRIMARY KEY, applied_at timestamptz NOT NULL)',
    )
    const [row] = await transaction.query('SELECT coalesce(max(number), 0) FROM _migration')
    for (let number = Number(row?.[0]) + 1; number <= MIGRATIONS.length; number++) {
      await transaction.query(MIGRATIONS[number - 1] ?? '')
      await transaction.query('INSERT INTO _migration VALUES ($1, now())', [number])
    }
  })
}

/** The layouts of all tables that were ever prepared, by name. */
export async function layouts(database: Pick<SqlDatabase, 'query'>): Promise<Map<string, TableLayout>> {
  const rows = await database.query('SELECT name, layout FROM _table')
  return new Map(rows.map(([name, layout]) => [String(name), JSON.parse(String(layout)) as TableLayout]))
}

/** Makes or alters tables; answers their layouts, which keep the columns that only others know of. */
export async function declare(
  transaction: SqlTransaction,
  schema: string,
  tables: readonly StoredTable[],
): Promise<TableLayout[]> {
  // An index of a large table takes its time.
  await transaction.query('SET LOCAL statement_timeout = 0')
  await transaction.query('SELECT pg_advisory_xact_lock($1)', [PREPARE_LOCK])
  const known = await layouts(transaction)
  const declared: TableLayout[] = []
  for (const stored of tables)
    declared.push(await declareOne(transaction, schema, known.get(stored.table), tableLayout(stored)))
  return declared
}

async function declareOne(
  transaction: SqlTransaction,
  schema: string,
  known: TableLayout | undefined,
  wanted: TableLayout,
): Promise<TableLayout> {
  const layout = known && isCompatible(known, wanted) ? merged(known, wanted) : wanted
  if (known && JSON.stringify(known) === JSON.stringify(layout)) return known
  // Locked first, as whoever writes to the table does.
  await lockProgress(transaction, wanted.table)
  if (known && layout !== wanted) await alter(transaction, schema, known, layout)
  else await create(transaction, schema, layout)
  await transaction.query(
    `INSERT INTO _table (name, layout) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET layout = excluded.layout`,
    [layout.table, JSON.stringify(layout)],
  )
  return layout
}

/** The progress of a table, locked until the transaction ends, and whether any of its rows are absent. */
export async function lockProgress(
  transaction: SqlTransaction,
  table: string,
): Promise<{ progress: Progress | undefined; anyAbsent: boolean }> {
  const [row] = await transaction.query(
    `SELECT table_id, version, step_target, step_chunks, EXISTS (SELECT FROM _absent WHERE table_name = name)
     FROM _table WHERE name = $1 FOR UPDATE`,
    [table],
  )
  return { progress: row && progressOf(row), anyAbsent: row?.[4] === 't' }
}

export async function setProgress(
  transaction: SqlTransaction,
  table: string,
  next: Progress | undefined,
): Promise<void> {
  await transaction.query(
    'UPDATE _table SET table_id = $2, version = $3, step_target = $4, step_chunks = $5 WHERE name = $1',
    [table, next?.table_id ?? null, next?.version ?? null, next?.step?.target ?? null, next?.step?.chunks ?? null],
  )
}

export async function allProgress(database: SqlDatabase): Promise<Record<string, Progress>> {
  const rows = await database.query('SELECT table_id, version, step_target, step_chunks, name FROM _table')
  return Object.fromEntries(
    rows.flatMap((row) => {
      const progress = progressOf(row)
      return progress ? [[String(row[4]), progress]] : []
    }),
  )
}

function progressOf([tableId, version, target, chunks]: SqlRow): Progress | undefined {
  if (tableId === null || tableId === undefined) return undefined
  const progress = { table_id: tableId, version: Number(version) }
  if (target === null || target === undefined) return progress
  return { ...progress, step: { target: Number(target), chunks: Number(chunks) } }
}

async function create(transaction: SqlTransaction, schema: string, layout: TableLayout): Promise<void> {
  const name = tableName(schema, layout)
  const columns = layout.columns.map((column) =>
    column.name === layout.identity ? `${columnDefinition(column)} PRIMARY KEY` : columnDefinition(column),
  )
  await transaction.query(`DROP TABLE IF EXISTS ${name}`)
  await transaction.query('DELETE FROM _absent WHERE table_name = $1', [layout.table])
  await transaction.query('DELETE FROM _table WHERE name = $1', [layout.table])
  await transaction.query(`CREATE TABLE ${name} (${columns.join(', ')}, _version bigint NOT NULL)`)
  await createIndexes(transaction, schema, layout)
}

async function alter(
  transaction: SqlTransaction,
  schema: string,
  known: TableLayout,
  layout: TableLayout,
): Promise<void> {
  const before = new Map(known.columns.map(({ name, type }) => [name, type]))
  const changes = layout.columns.flatMap((column) => {
    if (!before.has(column.name)) return [`ADD COLUMN ${columnDefinition(column)}`]
    return before.get(column.name) === column.type ? [] : [`ALTER COLUMN ${quoted(column.name)} TYPE ${column.type}`]
  })
  if (changes.length > 0) await transaction.query(`ALTER TABLE ${tableName(schema, layout)} ${changes.join(', ')}`)
  await createIndexes(transaction, schema, layout)
}

async function createIndexes(transaction: SqlTransaction, schema: string, layout: TableLayout): Promise<void> {
  for (const columns of layout.indexes)
    await transaction.query(
      `CREATE INDEX IF NOT EXISTS ${indexName(layout, columns)}
       ON ${tableName(schema, layout)} (${columns.map(quoted).join(', ')})`,
    )
}

/** Whether the rows that are there fit the wanted columns: else the table is made and loaded anew. */
function isCompatible(known: TableLayout, wanted: TableLayout): boolean {
  const types = new Map(known.columns.map(({ name, type }) => [name, type]))
  return (
    known.identity === wanted.identity &&
    JSON.stringify(known.fingerprint) === JSON.stringify(wanted.fingerprint) &&
    wanted.columns.every(({ name, type }) => {
      const before = types.get(name)
      return before === undefined || before === type || widens(before, type) || widens(type, before)
    })
  )
}

/** The columns and indexes of both, each column of the wider type: a sink that does not know the newest types must not narrow. */
function merged(known: TableLayout, wanted: TableLayout): TableLayout {
  const wantedTypes = new Map(wanted.columns.map(({ name, type }) => [name, type]))
  const names = new Set(known.columns.map(({ name }) => name))
  const columns = known.columns.map(({ name, type }) => {
    const wish = wantedTypes.get(name)
    return { name, type: wish !== undefined && widens(type, wish) ? wish : type }
  })
  const indexes = new Map([...known.indexes, ...wanted.indexes].map((index) => [JSON.stringify(index), index]))
  return {
    ...wanted,
    columns: [...columns, ...wanted.columns.filter(({ name }) => !names.has(name))],
    indexes: [...indexes.values()],
  }
}

import { type AsOf, asOfInstant, isMarked, readMarkedName } from './time-travel.ts'

/** A table that a query names. */
export interface NamedTable {
  schema: string
  name: string
  asOf?: AsOf
  /** A WITH clause around it has this name: then it may stand for that and need not be a table of the lake. */
  cte: boolean
}

export type Judgement =
  | { kind: 'allowed'; tables: NamedTable[]; statement: unknown }
  | {
      kind: 'refused'
      code: 'not_one_select' | 'syntax_error' | 'forbidden_function' | 'forbidden_statement'
      detail: string
    }

/** Table functions that make rows of their arguments and read nothing. */
const TABLE_FUNCTIONS = new Set([
  'range',
  'generate_series',
  'unnest',
  'json_each',
  'json_tree',
  'repeat',
  'repeat_row',
  'generate_subscripts',
])

/** Scalar functions that tell about the server or reach outside of the query. */
const FORBIDDEN_FUNCTIONS = new Set([
  'current_setting',
  'getenv',
  'getvariable',
  'set_config',
  'write_log',
  'parse_duckdb_log_message',
  'txid_current',
  'nextval',
  'currval',
  'in_search_path',
  'json_execute_serialized_sql',
  'query',
  'query_table',
  'pragma_version',
  'checkpoint',
  'force_checkpoint',
  'current_database',
  'current_schemas',
  'finalize',
  'vector_type',
])

const DEEPEST = 2_000
const PLAIN_NAME = /^[\p{L}_][\p{L}\p{N}_ ]*$/u

/**
 * Judges what DuckDB's own parser made of a text (`json_serialize_sql`): it must be one SELECT, and nothing in its tree may
 * read a file or a setting.
 * @param parsed the serialised statements, or the parser's error
 */
export function judge(parsed: unknown): Judgement {
  if (!isObject(parsed)) return refused('syntax_error', 'the text could not be parsed')
  if (parsed['error'] === true) {
    const message = String(parsed['error_message'] ?? 'the text could not be parsed')
    if (parsed['error_type'] === 'parser') return refused('syntax_error', message)
    return refused('not_one_select', `expected one SELECT statement; DuckDB's parser says: ${message}`)
  }
  const statements = parsed['statements']
  if (!Array.isArray(statements) || statements.length !== 1) {
    return refused(
      'not_one_select',
      `expected one SELECT statement; ${Array.isArray(statements) ? statements.length : 'none'} came: send them one by one`,
    )
  }
  const tables: NamedTable[] = []
  const refusal = walk(statements[0], new Set(), tables, 0)
  return refusal ?? { kind: 'allowed', tables, statement: parsed }
}

function walk(node: unknown, ctes: ReadonlySet<string>, tables: NamedTable[], depth: number): Judgement | undefined {
  if (depth > DEEPEST)
    return refused('forbidden_statement', `expected a statement nested at most ${DEEPEST} levels deep`)
  if (Array.isArray(node)) {
    for (const item of node) {
      const refusal = walk(item, ctes, tables, depth + 1)
      if (refusal) return refusal
    }
    return undefined
  }
  if (!isObject(node)) return undefined
  const inner = withCtes(node, ctes)
  const refusal = judgeNode(node, inner, tables)
  if (refusal) return refusal
  for (const value of Object.values(node)) {
    const found = walk(value, inner, tables, depth + 1)
    if (found) return found
  }
  return undefined
}

function judgeNode(
  node: Record<string, unknown>,
  ctes: ReadonlySet<string>,
  tables: NamedTable[],
): Judgement | undefined {
  const type = node['type']
  if (typeof node['alias'] === 'string' && isMarked(node['alias']))
    return refused('syntax_error', 'expected VERSION AS OF and TIMESTAMP AS OF right after a table, before its alias')
  if (type === 'SHOW_REF')
    return refused(
      'forbidden_statement',
      'expected a SELECT; SHOW, DESCRIBE and SUMMARIZE are answered by GET /v1/tables',
    )
  if (type === 'TABLE_FUNCTION') {
    const called = isObject(node['function']) ? String(node['function']['function_name']).toLowerCase() : ''
    if (!TABLE_FUNCTIONS.has(called))
      return refused(
        'forbidden_function',
        `the table function ${called} is not allowed; allowed are ${[...TABLE_FUNCTIONS].join(', ')}, and the lake's tables by name`,
      )
  }
  if (node['class'] === 'FUNCTION') {
    const called = String(node['function_name']).toLowerCase()
    if (FORBIDDEN_FUNCTIONS.has(called) || called.startsWith('pg_') || called.startsWith('duckdb_'))
      return refused(
        'forbidden_function',
        `the function ${called} is not allowed: it reads more than the lake's tables`,
      )
  }
  if (type === 'BASE_TABLE') {
    const schema = String(node['schema_name'] ?? '')
    const { name, asOf } = readMarkedName(String(node['table_name']))
    if (String(node['catalog_name'] ?? '') !== '')
      return refused(
        'forbidden_statement',
        `expected a table or schema.table; ${String(node['catalog_name'])}.${schema}.${name} came`,
      )
    if (asOf && 'timestamp' in asOf && asOfInstant(asOf.timestamp) === undefined)
      return refused(
        'syntax_error',
        `TIMESTAMP AS OF: expected an instant (2026-01-31T12:00:00Z) or a day, got ${JSON.stringify(asOf.timestamp)}`,
      )
    const cte = schema === '' && !asOf && ctes.has(name.toLowerCase())
    // DuckDB reads a file where no table has a name: a name that could be a path never passes.
    if (cte && !PLAIN_NAME.test(name))
      return refused('forbidden_statement', `expected a plain name in WITH; ${name} came`)
    tables.push({ schema, name, cte, ...(asOf ? { asOf } : {}) })
    if (asOf && node['alias'] === '') node['alias'] = name
  }
  return undefined
}

function withCtes(node: Record<string, unknown>, ctes: ReadonlySet<string>): ReadonlySet<string> {
  const map = isObject(node['cte_map']) ? node['cte_map']['map'] : undefined
  const named = Array.isArray(map)
    ? map.flatMap((entry) => (isObject(entry) ? [String(entry['key']).toLowerCase()] : []))
    : []
  const recursive = typeof node['cte_name'] === 'string' ? [node['cte_name'].toLowerCase()] : []
  return named.length + recursive.length === 0 ? ctes : new Set([...ctes, ...named, ...recursive])
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function refused(code: Extract<Judgement, { kind: 'refused' }>['code'], detail: string): Judgement {
  return { kind: 'refused', code, detail }
}

import { quoted } from './quote.ts'

/** A table at a version or a time, as it stands in a query between its name and its alias. */
export type AsOf = { version: number } | { timestamp: string }

const MARK = '\u001f'

/** Tokens that must be stepped over as a whole: strings, quoted names, comments, dollar-quoted texts. */
const TOKEN =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|[\p{L}_][\p{L}\p{N}_$]*|\d+(?:\.\d+)?|\s+|[\s\S]/gu

/**
 * Rewrites `t VERSION AS OF 3` and `t TIMESTAMP AS OF '2026-01-01'`, with FOR before them or without (Spark's, Delta's
 * and Trino's syntax, which DuckDB does not know) into a table name that carries the version, so that DuckDB's parser can be asked about the whole statement.
 */
export function rewriteAsOf(sql: string): string {
  const tokens = sql.match(TOKEN) ?? []
  const telling = tokens
    .map((text, at) => ({ text, at }))
    .filter(({ text }) => !/^(\s+|--[\s\S]*|\/\*[\s\S]*)$/.test(text))
  const out: (string | undefined)[] = [...tokens]
  for (let i = 0; i + 4 < telling.length; i++) {
    const name = telling[i]
    const given = telling.slice(i + 1, i + 6)
    if (isWord(given[0]?.text, 'FOR')) given.shift()
    const [unit, as, of, value] = given
    if (!name || !unit || !as || !of || !value) continue
    if (!/^("|[\p{L}_])/u.test(name.text) || !isWord(as.text, 'AS') || !isWord(of.text, 'OF')) continue
    const asOf = asOfFrom(unit.text, value.text)
    if (!asOf) continue
    out[name.at] = quoted(markedTableName(unquoted(name.text), asOf))
    for (let at = name.at + 1; at <= value.at; at++) out[at] = undefined
    i = telling.indexOf(value)
  }
  return out.filter((text) => text !== undefined).join('')
}

/** The name and version that `rewriteAsOf` put into a table's name. */
export function readMarkedName(name: string): { name: string; asOf?: AsOf } {
  const [table = '', unit, value = ''] = name.split(MARK)
  if (unit === 'v') return { name: table, asOf: { version: Number(value) } }
  if (unit === 't') return { name: table, asOf: { timestamp: value } }
  return { name }
}

/** Whether `rewriteAsOf` took this name for a table's, which it is not: an alias, a column. */
export const isMarked = (name: string): boolean => name.includes(MARK)

/** The name under which `rewriteAsOf` has a table at a version looked up. */
export function markedTableName(name: string, asOf: AsOf): string {
  return 'version' in asOf ? `${name}${MARK}v${MARK}${asOf.version}` : `${name}${MARK}t${MARK}${asOf.timestamp}`
}

/** Milliseconds since 1970 of the text after TIMESTAMP AS OF, UTC where it names no zone; `undefined` for what is no instant. */
export function asOfInstant(timestamp: string): number | undefined {
  const at = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(timestamp) ? timestamp : `${timestamp}Z`)
  return Number.isNaN(at) ? undefined : at
}

function asOfFrom(unit: string, value: string): AsOf | undefined {
  const [, version] = isWord(unit, 'VERSION') ? (/^'?(\d+)'?$/.exec(value) ?? []) : []
  if (version !== undefined) return { version: Number(version) }
  if (isWord(unit, 'TIMESTAMP') && value.startsWith("'")) return { timestamp: value.slice(1, -1).replaceAll("''", "'") }
  return undefined
}

const isWord = (text: string | undefined, word: string) => text?.toUpperCase() === word
const unquoted = (name: string) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name)

/** Joins parts so that no two lists of parts give the same text: `\` is written `\\` and `|` is written `\p`. */
export function joined(...parts: string[]): string {
  return parts.map((part) => part.replaceAll('\\', '\\\\').replaceAll('|', '\\p')).join('|')
}

/** The same as `joined`, in DuckDB's SQL, over expressions of type VARCHAR. */
export function joinedSql(...expressions: string[]): string {
  return expressions.map((sql) => `replace(replace(${sql}, '\\', '\\\\'), '|', '\\p')`).join(` || '|' || `)
}

/** `"name"`, whatever is in the name. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A text as an expression; NUL, which SQL text cannot carry, by its number. */
export function literal(text: string): string {
  if (text.includes('\0')) return `(${text.split('\0').map(literal).join(' || chr(0) || ')})`
  return `'${text.replaceAll("'", "''")}'`
}

/** A list literal of strings. */
export function literalList(texts: readonly string[]): string {
  return `[${texts.map(literal).join(', ')}]`
}

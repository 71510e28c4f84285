/** A saved question: `// # Title`, `// text`, then Cypher; lines `// :param …` say what to set before. */
export interface SavedQuestion {
  title: string
  text: string
  parameters: string[]
  cypher: string
}

/** The statements of a file, without comments and semicolons. */
export function statementsOf(file: string): string[] {
  return file
    .replaceAll(/^\s*\/\/.*$/gm, '')
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter(Boolean)
}

/** @throws Error for a file without a title or a statement */
export function savedQuestion(name: string, file: string): SavedQuestion {
  const comments = [...file.matchAll(/^\/\/ ?(.*)$/gm)].map(([, text = '']) => text)
  const title = comments.find((line) => line.startsWith('# '))?.slice(2)
  const [cypher, ...others] = statementsOf(file)
  if (title === undefined || cypher === undefined || others.length > 0)
    throw new Error(`${name}: expected a comment "// # Title" and one statement`)
  const parameters = comments.filter((line) => line.startsWith(':param'))
  const text = comments.filter((line) => !line.startsWith('# ') && !line.startsWith(':param')).join(' ')
  return { title, text, parameters, cypher }
}

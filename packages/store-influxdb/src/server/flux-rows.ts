/** The rows of a Flux answer by column name, as text. */
export type FluxRow = (column: string) => string

/** A Flux query can fail after its answer has begun: then a table with these columns ends it. */
export class FluxError extends Error {}

/**
 * Reads Flux's CSV (no annotations): tables begin with a header after an empty line. Quoted cells hold no line breaks
 * here, because nothing that we read back is written with any.
 */
export async function readFluxRows(chunks: AsyncIterable<Uint8Array>, onRow: (row: FluxRow) => void): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  let header: Map<string, number> | undefined
  let cells: string[] = []
  const row: FluxRow = (column) => cells[header?.get(column) ?? -1] ?? ''
  const take = (line: string) => {
    if (line === '') header = undefined
    else if (!header) header = new Map(cellsOf(line).map((name, i) => [name, i]))
    else {
      cells = cellsOf(line)
      if (header.has('error') && header.has('reference')) throw new FluxError(row('error'))
      onRow(row)
    }
  }
  for await (const chunk of chunks) {
    const text = rest + decoder.decode(chunk, { stream: true })
    let from = 0
    for (let end = text.indexOf('\n', from); end >= 0; end = text.indexOf('\n', from)) {
      take(text.slice(from, text.charCodeAt(end - 1) === 13 && end > from ? end - 1 : end))
      from = end + 1
    }
    rest = text.slice(from)
  }
  if (rest !== '') take(rest)
}

function cellsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(',')
  const cells: string[] = []
  for (let at = 0; at <= line.length; ) {
    if (line[at] !== '"') {
      const end = line.indexOf(',', at)
      cells.push(line.slice(at, end < 0 ? undefined : end))
      if (end < 0) break
      at = end + 1
      continue
    }
    let cell = ''
    for (at++; at < line.length; at++) {
      const quote = line.indexOf('"', at)
      if (quote < 0) throw new FluxError(`a quote that does not end: ${line.slice(0, 200)}`)
      cell += line.slice(at, quote)
      at = quote + 1
      if (line[at] !== '"') break
      cell += '"'
    }
    cells.push(cell)
    if (at >= line.length) break
    at++
  }
  return cells
}

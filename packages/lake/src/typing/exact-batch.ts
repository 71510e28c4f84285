import type { DuckDBConnection } from '@duckdb/node-api'
import type { EventType, EventTypes } from '@sluice/events'
import { DuckdbError } from '../duckdb/duckdb-error.ts'
import { loadLines, tryExactLines, typeExactLines } from './batch-tables.ts'
import { exactLine, unreadableLine } from './exact-line.ts'
import type { LineFile } from './line-file.ts'
import { offendingLines } from './offending-lines.ts'

interface RewrittenLine {
  seq: number
  text: string
}

/** Whether a line can be the cause of an error, rather than the machine or who called. */
export function mayBeOfLines(error: unknown): boolean {
  return error instanceof DuckdbError && ['invalid_value', 'invalid_query', 'failed'].includes(error.code)
}

/**
 * Types the lines at these places one by one, into the tables of `types`, whose uncertain rows they replace.
 * @returns all types that have a table afterwards
 */
export async function typeExactly(
  connection: DuckDBConnection,
  file: LineFile,
  places: readonly number[],
  types: EventTypes,
  before: ReadonlySet<EventType>,
): Promise<EventType[]> {
  const lines = places.map((seq) => rewrittenLine(file, seq, types))
  const first = await attempt(connection, file, lines, types, before)
  if (!('error' in first) && first.uncertain.size === 0) return first.types
  const bad = 'error' in first ? await offendersOf(connection, file, lines, types, first.error) : first.uncertain
  const message = 'expected an event that can be typed; the engine failed on this one'
  const spared = lines.map((line) => (bad.has(line.seq) ? unreadable(file, line.seq, message) : line))
  const second = await attempt(connection, file, spared, types, 'error' in first ? before : new Set(first.types))
  if ('error' in second) throw second.error
  return second.types
}

type Attempt = { types: EventType[]; uncertain: Set<number> } | { error: unknown }

async function attempt(
  connection: DuckDBConnection,
  file: LineFile,
  lines: readonly RewrittenLine[],
  types: EventTypes,
  before: ReadonlySet<EventType>,
): Promise<Attempt> {
  try {
    return await withRewritten(connection, file, lines, types, async (exact) => ({
      uncertain: await typeExactLines(connection, before, exact),
      types: [...new Set([...before, ...exact])],
    }))
  } catch (error) {
    if (!mayBeOfLines(error)) throw error
    return { error }
  }
}

/** Throws what made the attempt fail if no line is to blame. */
async function offendersOf(
  connection: DuckDBConnection,
  file: LineFile,
  lines: readonly RewrittenLine[],
  types: EventTypes,
  error: unknown,
): Promise<Set<number>> {
  const works = async (some: readonly RewrittenLine[]) => {
    try {
      await withRewritten(connection, file, some, types, (exact) => tryExactLines(connection, exact))
      return true
    } catch (failure) {
      if (!mayBeOfLines(failure)) throw failure
      return false
    }
  }
  if (!(await works([]))) throw error
  const offenders = await offendingLines(lines, works)
  if (offenders.length === 0) throw error
  return new Set(offenders.map(({ seq }) => seq))
}

function withRewritten<T>(
  connection: DuckDBConnection,
  file: LineFile,
  lines: readonly RewrittenLine[],
  types: EventTypes,
  work: (exact: EventType[]) => Promise<T>,
): Promise<T> {
  const texts = lines.map(({ text }) => text)
  return file.withFile(texts, async (written) => work(await loadLines(connection, 'batch_exact_lines', written, types)))
}

function rewrittenLine(file: LineFile, seq: number, types: EventTypes): RewrittenLine {
  const { text, readable } = file.line(seq)
  if (!readable) return unreadable(file, seq, 'expected UTF-8')
  return { seq, text: exactLine(seq, text, types) }
}

const unreadable = (file: LineFile, seq: number, message: string): RewrittenLine => ({
  seq,
  text: unreadableLine(seq, file.line(seq).text, message),
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { type EventTypes, rawLine, rawLineTail } from '@sluice/events'
import { plainValue } from '../../src/duckdb/plain-value.ts'
import { dropTyped, type TypedBatch, type TypingOptions, typeBatch } from '../../src/typing/index.ts'
import { loadLines } from '../../src/typing/raw-lines.ts'

/** An event as a client sent it: its own text. */
export interface Sent {
  type: string
  text: string
  form?: 'event' | 'cloudevent'
  event_id?: string
  wait?: 0 | 1
}

export interface TypingWorld {
  connection: DuckDBConnection
  /** Types the events as one batch; rows by their place. */
  type(sent: readonly Sent[], options?: TypingOptions): Promise<TypedRows>
  /** Types the bytes of an input file. */
  typeBytes(bytes: string | Uint8Array, options?: TypingOptions): Promise<TypedRows>
  /** Loads the events into `batch_lines`, no more. */
  load(sent: readonly Sent[]): Promise<void>
  close(): Promise<void>
}

type Row = Record<string, unknown>

export interface TypedRows {
  batch: TypedBatch
  /** `batch_rows`, by `seq`. */
  lines: Row[]
  /** The row in the table of its type, by `seq`; instants as RFC 3339, decimals and large integers as text. */
  rows: Map<number, Row>
}

export async function openTypingWorld(types: EventTypes, time_zone = 'UTC'): Promise<TypingWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'typing-'))
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' })
  const connection = await instance.connect()
  await connection.run(`SET TimeZone = '${time_zone}'`)
  const path = join(folder, "it's [a] batch.ndjson")
  const typeBytes = async (bytes: string | Uint8Array, options?: TypingOptions) => {
    await writeFile(path, bytes)
    const batch = await typeBatch(connection, { path }, types, options)
    const found = { batch, lines: await read(connection, 'batch_rows'), rows: new Map<number, Row>() }
    for (const { relation } of batch.tables)
      for (const row of await read(connection, relation)) found.rows.set(Number(row['seq']), row)
    await dropTyped(connection, batch)
    return found
  }
  return {
    connection,
    typeBytes,
    type: (sent, options) => typeBytes(sent.map(inputLine).join(''), options),
    async load(sent) {
      await writeFile(path, sent.map(inputLine).join(''))
      await connection.run(loadLines(path))
    },
    async close() {
      connection.closeSync()
      instance.closeSync()
      await rm(folder, { recursive: true })
    },
  }
}

/** A line as the transformer writes it. */
export function inputLine(
  { type, text, form = 'event', event_id = `e${text.length}`, wait = 0 }: Sent,
  line = 0,
): string {
  const envelope = { event_id, received_at: '2026-01-02T03:04:05.678Z', source: 'a "source"', type, form, wait }
  return rawLine('batch-1', line, rawLineTail(envelope, text)).replace('{', `{"p":${line % 4},"o":${line},`)
}

async function read(connection: DuckDBConnection, relation: string): Promise<Row[]> {
  const reader = await connection.runAndReadAll(`SELECT * FROM ${relation} ORDER BY seq`)
  return reader
    .getRowObjects()
    .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainValue(value, 'safe')])))
}

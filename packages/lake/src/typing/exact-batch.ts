import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunkWriter,
  DuckDBTimestampTZValue,
  type DuckDBValue,
} from '@duckdb/node-api'
import type { EventType, EventTypes } from '@sluice/events'
import { execute } from '../duckdb/query.ts'
import { INVALID_ROWS } from './batch-rows.ts'
import { md5Hash } from './content-hash.ts'
import { type ExactLine, exactLine } from './exact-line.ts'
import type { LineFile } from './line-file.ts'
import { createTypeTable, typeTable } from './type-table.ts'

/** Lines typed in one turn of the event loop. */
const LINES_A_TURN = 500

/**
 * Types the lines at these places in JavaScript, and adds them to the tables of their types, or to `INVALID_ROWS`.
 * `existing` are the types that have a table; others get one.
 * @returns the rows added, by type, and how many lines are invalid
 */
export async function typeExactly(
  connection: DuckDBConnection,
  file: LineFile,
  places: Iterable<number>,
  types: EventTypes,
  existing: ReadonlySet<EventType>,
): Promise<{ rows: Map<EventType, number>; invalid: number }> {
  const writers = new TableWriters(connection, existing)
  let turn = 0
  try {
    for (const seq of places) {
      const { text, readable } = file.line(seq)
      await writers.add(seq, exactLine(text, readable, types))
      if (++turn % LINES_A_TURN === 0) await nextTurn()
    }
    return writers.finish()
  } finally {
    writers.close()
  }
}

/** Appends rows to the tables of a batch, chunk by chunk. */
class TableWriters {
  readonly #connection: DuckDBConnection
  readonly #existing: ReadonlySet<EventType>
  readonly #writers = new Map<string, { appender: DuckDBAppender; writer: DuckDBDataChunkWriter }>()
  readonly #rows = new Map<EventType, number>()
  #invalid = 0

  constructor(connection: DuckDBConnection, existing: ReadonlySet<EventType>) {
    this.#connection = connection
    this.#existing = existing
  }

  async add(seq: number, line: ExactLine): Promise<void> {
    const { envelope, outcome } = line
    const { log_partition, log_offset, raw_batch, raw_line, event_id, type, wait } = envelope
    const received_at = new DuckDBTimestampTZValue(BigInt(envelope.received_at) * 1000n)
    if ('reason' in outcome) {
      this.#invalid++
      const { reason, field, message, text } = outcome
      await this.#append(INVALID_ROWS, [
        seq,
        log_partition,
        log_offset,
        raw_batch,
        raw_line,
        event_id,
        md5Hash(event_id),
        received_at,
        type,
        wait,
        null,
        line.content_hash,
        null,
        null,
        reason,
        field,
        message,
        text,
      ])
      return
    }
    const { definition, values, extra } = outcome
    const table = typeTable(definition)
    const rows = this.#rows.get(definition) ?? 0
    if (rows === 0 && !this.#existing.has(definition)) await execute(this.#connection, createTypeTable(definition))
    this.#rows.set(definition, rows + 1)
    await this.#append(table, [
      seq,
      ...values,
      event_id,
      received_at,
      raw_batch,
      raw_line,
      extra,
      log_partition,
      log_offset,
      wait,
      line.content_hash,
      md5Hash(event_id),
      true,
    ])
  }

  finish(): { rows: Map<EventType, number>; invalid: number } {
    for (const { writer, appender } of this.#writers.values()) {
      writer.flush()
      appender.flushSync()
    }
    return { rows: this.#rows, invalid: this.#invalid }
  }

  close(): void {
    for (const { appender } of this.#writers.values()) appender.closeSync()
  }

  async #append(table: string, values: DuckDBValue[]): Promise<void> {
    let writer = this.#writers.get(table)
    if (!writer) {
      const appender = await this.#connection.createAppender(table)
      writer = { appender, writer: DuckDBDataChunkWriter.forAppender(appender) }
      this.#writers.set(table, writer)
    }
    writer.writer.appendRow(values)
  }
}

import type { DuckDBResult, DuckDBValue } from '@duckdb/node-api'
import * as arrow from 'apache-arrow'
import { isSingle, type JsonValue, jsonValue } from './result-value.ts'
import type { ResultFormat } from './sql-protocol.ts'

export const CONTENT_TYPES: Readonly<Record<ResultFormat, string>> = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
  arrow: 'application/vnd.apache.arrow.stream',
}

/** Writes a result in pieces: `head` once, `rows` for each chunk, `tail` once. */
export interface ResultWriter {
  head(): Uint8Array
  rows(chunk: readonly (readonly DuckDBValue[])[]): Uint8Array
  tail(): Uint8Array
}

export function resultWriter(format: ResultFormat, result: DuckDBResult): ResultWriter {
  const names = result.deduplicatedColumnNames()
  const types = result.columnTypes().map(String)
  if (format === 'csv') return csvWriter(names, types)
  if (format === 'ndjson') return ndjsonWriter(names, types)
  if (format === 'arrow') return arrowWriter(names, types)
  return jsonWriter(names, types)
}

const EMPTY = new Uint8Array()

function jsonWriter(names: readonly string[], types: readonly string[]): ResultWriter {
  let first = true
  const rowText = rowWriter(names, types)
  return {
    head: () =>
      Buffer.from(`{"columns":${JSON.stringify(names.map((name, i) => ({ name, type: types[i] })))},"rows":[`),
    rows: (chunk) => {
      const text = chunk.map(rowText).join(',\n')
      const separator = first ? '\n' : ',\n'
      first = false
      return Buffer.from(separator + text)
    },
    tail: () => Buffer.from(first ? ']}\n' : '\n]}\n'),
  }
}

function ndjsonWriter(names: readonly string[], types: readonly string[]): ResultWriter {
  const rowText = rowWriter(names, types)
  return {
    head: () => EMPTY,
    rows: (chunk) => Buffer.from(chunk.map((row) => `${rowText(row)}\n`).join('')),
    tail: () => EMPTY,
  }
}

/** Members by hand: a column may be called `__proto__`. */
function rowWriter(names: readonly string[], types: readonly string[]): (row: readonly DuckDBValue[]) => string {
  const columns = names.map((name, i) => ({ label: `${JSON.stringify(name)}:`, single: isSingle(types[i] ?? '') }))
  return (row) =>
    `{${columns.map(({ label, single }, i) => label + JSON.stringify(jsonValue(row[i] ?? null, single))).join(',')}}`
}

/** RFC 4180; null is empty, an empty string is quoted. */
function csvWriter(names: readonly string[], types: readonly string[]): ResultWriter {
  const singles = types.map(isSingle)
  const line = (fields: readonly string[]) => `${fields.join(',')}\r\n`
  return {
    head: () => Buffer.from(line(names.map(csvText))),
    rows: (chunk) =>
      Buffer.from(chunk.map((row) => line(row.map((value, i) => csvField(jsonValue(value, singles[i]))))).join('')),
    tail: () => EMPTY,
  }
}

function csvField(value: JsonValue): string {
  if (value === null) return ''
  return csvText(typeof value === 'object' ? JSON.stringify(value) : String(value))
}

const csvText = (text: string) => (text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** The Arrow IPC stream format: booleans, doubles and integers of up to 64 bits as such, everything else as text. */
function arrowWriter(names: readonly string[], types: readonly string[]): ResultWriter {
  const fields = names.map((name, i) => new arrow.Field(name, arrowType(types[i] ?? ''), true))
  const schema = new arrow.Schema(fields)
  const writer = new arrow.RecordBatchStreamWriter({ autoDestroy: false })
  const batchOf = (chunk: readonly (readonly DuckDBValue[])[]) => {
    const columns = fields.map(
      (field, i) =>
        arrow.vectorFromArray(
          chunk.map((row) => arrowValue(field.type, row[i] ?? null)),
          field.type,
        ).data[0],
    )
    const children = columns.filter((data) => data !== undefined)
    return new arrow.RecordBatch(
      schema,
      arrow.makeData({ type: new arrow.Struct(fields), length: chunk.length, nullCount: 0, children }),
    )
  }
  const batches: arrow.RecordBatch[] = []
  return {
    head: () => EMPTY,
    rows: (chunk) => {
      batches.push(batchOf(chunk))
      return EMPTY
    },
    tail: () => {
      writer.reset(undefined, schema)
      for (const batch of batches) writer.write(batch)
      writer.finish()
      return writer.toUint8Array(true)
    },
  }
}

function arrowType(type: string): arrow.DataType {
  if (type === 'BOOLEAN') return new arrow.Bool()
  if (type === 'INTEGER' || type === 'SMALLINT' || type === 'TINYINT') return new arrow.Int32()
  if (type === 'BIGINT') return new arrow.Int64()
  if (type === 'DOUBLE' || type === 'FLOAT') return new arrow.Float64()
  return new arrow.Utf8()
}

function arrowValue(type: arrow.DataType, value: DuckDBValue): unknown {
  if (value === null) return null
  if (!arrow.DataType.isUtf8(type)) return value
  const json = jsonValue(value)
  return typeof json === 'object' ? JSON.stringify(json) : String(json)
}

import { readFileSync } from 'node:fs'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { isMembers } from '../src/checkpoint-files.ts'
import type { ParquetBatch } from '../src/parquet-codec.ts'
import { readBatches } from '../src/parquet-record.ts'
import { checkpoints, noCheckpoints } from './golden-tables.ts'

const TOP = ['add', 'remove', 'metaData', 'protocol', 'txn', 'sidecar', 'checkpointMetadata', 'domainMetadata']
const wanted = (path: readonly string[]) =>
  TOP.includes(path[0] ?? '') && !path.some((name) => name.endsWith('_parsed'))

describe.skipIf(checkpoints.length === 0)(`checkpoints of other engines${noCheckpoints}`, () => {
  for (const path of checkpoints)
    it(`${path.split('/').slice(-3).join('/')} reads as by another reader`, async () => {
      const bytes = new Uint8Array(readFileSync(path))
      const metadata = parquetMetadata(bytes.buffer)
      const columns = metadata.schema.map(({ name }) => name).filter((name) => TOP.includes(name))
      const other = await parquetReadObjects({ file: bytes.buffer, metadata, columns, compressors })
      expect([...readBatches(bytes, wanted)].flatMap(rowsOf).map(compact)).toEqual(other.map(compact))
    })
})

describe('encodings', () => {
  const texts = Array.from({ length: 3_000 }, (_, at) => (at % 7 === 3 ? null : `text ${at} ${'y'.repeat(at % 40)}`))
  const longs = texts.map((_, at) => (at % 5 === 0 ? null : BigInt(at) ** 5n * (at % 2 ? 1n : -1n)))
  const numbers = longs.map((long) => (long === null || !Number.isSafeInteger(Number(long)) ? long : Number(long)))
  for (const [encoding, codec] of [
    ['PLAIN', 'UNCOMPRESSED'],
    ['PLAIN', 'SNAPPY'],
    ['RLE_DICTIONARY', 'SNAPPY'],
    ['DELTA_LENGTH_BYTE_ARRAY', 'SNAPPY'],
    ['DELTA_BYTE_ARRAY', 'UNCOMPRESSED'],
  ] as const)
    it(`${encoding}, ${codec}`, () => {
      const column = { name: 'a', data: texts, type: 'STRING', encoding, nullable: true } as const
      const file = parquetWriteBuffer({ columnData: [column], codec, rowGroupSize: 1_000 })
      expect(read(file)).toEqual(texts)
    })

  it('texts of any length in any script, beside ASCII', () => {
    for (const texts of [
      ['a', 'x'.repeat(127), 'y'.repeat(200), '', 'z'.repeat(40_000)],
      ['plain text of some length', 'Käse 200 Zeichen lang '.repeat(10), '日本', '\u{1f600}', 'x'.repeat(130)],
    ]) {
      const column = { name: 'a', data: texts, type: 'STRING', encoding: 'PLAIN', nullable: true } as const
      expect(read(parquetWriteBuffer({ columnData: [column] }))).toEqual(texts)
    }
  })

  it('nulls in runs of any length, at any place', () => {
    for (const period of [1, 2, 9, 64, 500]) {
      const texts = Array.from({ length: 6_000 }, (_, at) => (Math.floor(at / period) % 2 ? null : `text ${at}`))
      const column = { name: 'a', data: texts, type: 'STRING', nullable: true } as const
      expect(read(parquetWriteBuffer({ columnData: [column], rowGroupSize: 2_500 }))).toEqual(texts)
    }
  })

  it('DELTA_BINARY_PACKED', () => {
    const column = { name: 'a', data: longs, type: 'INT64', encoding: 'DELTA_BINARY_PACKED', nullable: true } as const
    expect(read(parquetWriteBuffer({ columnData: [column], rowGroupSize: 1_000 }))).toEqual(numbers)
  })

  it('booleans and dictionaries of few values', () => {
    const flags = texts.map((_, at) => (at % 3 === 0 ? null : at % 2 === 0))
    const column = { name: 'a', data: flags, type: 'BOOLEAN', nullable: true } as const
    expect(read(parquetWriteBuffer({ columnData: [column] }))).toEqual(flags)
    const same = { name: 'a', data: texts.map(() => 'x'), type: 'STRING', encoding: 'RLE_DICTIONARY' } as const
    expect(read(parquetWriteBuffer({ columnData: [same] }))).toEqual(texts.map(() => 'x'))
  })
})

const read = (file: ArrayBuffer) =>
  [...readBatches(new Uint8Array(file), () => true)].flatMap(({ columns }) => columns['a'])

/** Rows as other readers give them. */
function rowsOf({ rows, columns }: ParquetBatch): Record<string, unknown>[] {
  return Array.from({ length: rows }, (_, at) =>
    Object.fromEntries(
      Object.entries(columns).map(([name, column]) => [
        name,
        isMembers(column)
          ? Object.fromEntries(Object.entries(column).map(([member, values]) => [member, values[at]]))
          : column[at],
      ]),
    ),
  )
}

/** Without nulls, whole numbers as numbers: null and left out, struct of nulls and null are one here. */
function compact(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(compact)
  if (typeof value !== 'object' || value === null) return value ?? undefined
  const members = Object.entries(value).flatMap(([name, member]) => {
    const kept = compact(member)
    return kept === undefined || name.endsWith('_parsed') ? [] : [[name, kept]]
  })
  return members.length === 0 ? undefined : Object.fromEntries(members)
}

import type { KeyValue, SchemaElement } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import type { AddFile } from '../src/actions.ts'
import { readRows } from '../src/hyparquet-rows.ts'
import { parsePartitionValue } from '../src/partition-value.ts'
import { Replay } from '../src/reconciliation.ts'
import { type DataType, field, type StructField } from '../src/schema.ts'
import { Snapshot } from '../src/snapshot.ts'
import { dateText } from '../src/value.ts'
import { MemoryStore } from './memory-store.ts'
import { add } from './tables.ts'

/** A column as a file has it, and as the table has it. */
interface Given {
  elements: SchemaElement[]
  data: unknown[]
  name?: string
  type: DataType
}

const leaf = (name: string, more: Partial<SchemaElement>): SchemaElement => ({
  name,
  repetition_type: 'OPTIONAL',
  type: 'INT32',
  ...more,
})
const group = (name: string, num_children: number, more: Partial<SchemaElement> = {}): SchemaElement => ({
  name,
  repetition_type: 'OPTIONAL',
  num_children,
  ...more,
})
const TEXT = { type: 'BYTE_ARRAY', converted_type: 'UTF8' } as const

/** The rows of a table of one file. */
async function rowsOf(given: readonly Given[], kvMetadata: KeyValue[] = [], more: Partial<AddFile> = {}) {
  const columnData = given.map(({ elements, data }) => ({ name: elements[0]?.name ?? '', data }))
  const schema = [{ name: 'root', num_children: given.length }, ...given.flatMap(({ elements }) => elements)]
  const store = new MemoryStore()
  await store.put('t/f', new Uint8Array(parquetWriteBuffer({ columnData, schema, kvMetadata })))
  const fields = given.map(({ name, elements, type }) => field(name ?? elements[0]?.name ?? '', type))
  const rows: Record<string, unknown>[] = []
  for await (const batch of readRows(snapshotOf(fields, more), store)) rows.push(...batch)
  return rows
}

function snapshotOf(fields: StructField[], more: Partial<AddFile> = {}): Snapshot {
  const metaData = {
    id: 'x',
    format: { provider: 'parquet', options: {} },
    schemaString: JSON.stringify({ type: 'struct', fields }),
    partitionColumns: [],
    configuration: {},
  }
  const replay = new Replay()
  replay.apply([{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }, add('f', more)])
  const at = { root: 't', version: 0, timestamp_ms: 0, confirmed_at_ms: 0 }
  return new Snapshot(at, replay.finish())
}

const map = (name: string, key: SchemaElement[]): SchemaElement[] => [
  group(name, 1, { converted_type: 'MAP' }),
  group('key_value', 2, { repetition_type: 'REPEATED' }),
  ...key,
  leaf('value', {}),
]

describe('rows of files that other engines wrote', () => {
  it('have maps with keys of any type, none of them lost', async () => {
    const pair = [group('key', 2, { repetition_type: 'REQUIRED' }), leaf('x', {}), leaf('y', {})]
    const entries = (...keys: unknown[]) => [keys.map((key, value) => ({ key, value }))]
    const struct: DataType = { type: 'struct', fields: [field('x', 'integer'), field('y', 'integer')] }
    const mapOf = (keyType: DataType): DataType => ({
      type: 'map',
      keyType,
      valueType: 'integer',
      valueContainsNull: true,
    })
    const day = leaf('key', { converted_type: 'DATE', repetition_type: 'REQUIRED' })
    const word = leaf('key', { ...TEXT, repetition_type: 'REQUIRED' })
    const [row] = await rowsOf([
      { elements: map('a', pair), data: entries({ x: 1, y: 2 }, { x: 1, y: 3 }), type: mapOf(struct) },
      { elements: map('b', [day]), data: entries(18_262, -1), type: mapOf('date') },
      { elements: map('c', [word]), data: entries('__proto__', 'constructor'), type: mapOf('string') },
    ])
    expect(Object.entries(row?.['a'] ?? {})).toEqual([
      ['{"x":1,"y":2}', 0],
      ['{"x":1,"y":3}', 1],
    ])
    expect(row?.['b']).toEqual({ '2020-01-01': 0, '1969-12-31': 1 })
    expect(Object.entries(row?.['c'] ?? {})).toEqual([
      ['__proto__', 0],
      ['constructor', 1],
    ])
  })

  it('have columns whose names mean something to JavaScript, have a dot, or are written in another case', async () => {
    const inner: DataType = { type: 'struct', fields: [field('b', 'integer')] }
    const [row] = await rowsOf([
      { elements: [leaf('__proto__', {})], data: [1], type: 'integer' },
      { elements: [leaf('a.b', {})], data: [2], type: 'integer' },
      { elements: [group('a', 1), leaf('B', {})], data: [{ B: 3 }], type: inner },
      { elements: [leaf('ID', {})], data: [4], name: 'id', type: 'integer' },
    ])
    expect(Object.entries(row ?? {})).toEqual([
      ['__proto__', 1],
      ['a.b', 2],
      ['a', { b: 3 }],
      ['id', 4],
    ])
    const twice = ['ID', 'Id'].map((name): Given => ({ elements: [leaf(name, {})], data: [1], name, type: 'integer' }))
    const [first, second] = [twice[0]!, twice[1]!]
    await expect(
      rowsOf([
        { ...first, name: 'id' },
        { ...second, name: 'x' },
      ]),
    ).rejects.toThrow(/which is id/)
  })

  it('have lists of structs with one member, in the form of old writers', async () => {
    const elements = [
      group('l', 1, { converted_type: 'LIST' }),
      group('array', 1, { repetition_type: 'REPEATED' }),
      leaf('x', {}),
    ]
    const struct: DataType = { type: 'struct', fields: [field('x', 'integer')] }
    const type: DataType = { type: 'array', elementType: struct, containsNull: false }
    // The writer takes it for a list of numbers; that it is none the name of the group tells.
    expect(await rowsOf([{ elements, data: [[1, 2]], type }])).toEqual([{ l: [{ x: 1 }, { x: 2 }] }])
  })

  it('keep the mark in front of a text, and are refused where a text is none', async () => {
    const marked: Given = { elements: [leaf('t', TEXT)], data: ['\uFEFFx'], type: 'string' }
    expect(await rowsOf([marked])).toEqual([{ t: '\uFEFFx' }])
    const bytes = [leaf('t', { type: 'BYTE_ARRAY' })]
    await expect(rowsOf([{ elements: bytes, data: [Uint8Array.of(255)], type: 'string' }])).rejects.toMatchObject({
      code: 'invalid_log',
      message: expect.stringContaining('UTF-8'),
    })
  })

  it('are refused where they are ancient and Spark counted them by the Julian calendar', async () => {
    const days = (...data: number[]): Given => ({
      elements: [leaf('d', { converted_type: 'DATE' })],
      data,
      type: 'date',
    })
    const old = [{ key: 'org.apache.spark.version', value: '2.4.8' }]
    const told = [
      { key: 'org.apache.spark.version', value: '3.5.0' },
      { key: 'org.apache.spark.legacyDateTime', value: '' },
    ]
    const refusal = { code: 'unsupported_feature', feature: 'Julian calendar' }
    expect(await rowsOf([days(-141_427, 18_262)], old)).toEqual([{ d: '1582-10-15' }, { d: '2020-01-01' }])
    for (const about of [old, told]) await expect(rowsOf([days(-141_428)], about)).rejects.toMatchObject(refusal)
    expect(await rowsOf([days(-141_428)])).toEqual([{ d: '1582-10-14' }])
    const micros = { type: 'INT64', converted_type: 'TIMESTAMP_MICROS' } as const
    const instant: Given = { elements: [leaf('i', micros)], data: [-2_208_988_800_000_001n], type: 'timestamp' }
    await expect(rowsOf([instant], told)).rejects.toMatchObject(refusal)
    expect(await rowsOf([instant])).toEqual([{ i: -2_208_988_800_000_001n }])
  })

  it('are refused where the file is none', async () => {
    const store = new MemoryStore()
    const bytes = new Uint8Array(
      parquetWriteBuffer({ columnData: [{ name: 'n', data: ['text', 'more text'], type: 'STRING' }] }),
    )
    const snapshot = snapshotOf([field('n', 'string')])
    for (const damaged of [new Uint8Array(100), bytes.slice(0, -9), bytes.with(10, 255)]) {
      await store.put('t/f', damaged)
      await expect(readRows(snapshot, store).next()).rejects.toMatchObject({ code: 'invalid_log' })
    }
  })

  it('are refused where a column is of another kind than the table says', async () => {
    const unsigned = leaf('n', { converted_type: 'UINT_32' })
    await expect(rowsOf([{ elements: [unsigned], data: [1], type: 'integer' }])).rejects.toThrow(/UINT_32/)
    expect(await rowsOf([{ elements: [unsigned], data: [1], type: 'long' }])).toEqual([{ n: 1n }])
    const list = [
      group('l', 1, { converted_type: 'LIST' }),
      group('list', 1, { repetition_type: 'REPEATED' }),
      leaf('element', {}),
    ]
    const struct: DataType = { type: 'struct', fields: [field('list', 'integer')] }
    await expect(rowsOf([{ elements: list, data: [[1]], type: struct }])).rejects.toThrow(/is LIST in the file/)
    await expect(rowsOf([{ elements: [leaf('l', {})], data: [1], type: struct }])).rejects.toThrow(/is INT32/)
  })
})

describe('values', () => {
  it('of binary partitions are refused where engines do not agree about them', () => {
    expect(parsePartitionValue('a\u0001', 'binary')).toEqual(Uint8Array.of(97, 1))
    expect(parsePartitionValue('\u20AC', 'binary')).toEqual(new TextEncoder().encode('€'))
    for (const text of ['\u00E9', String.raw`\u0061`])
      expect(() => parsePartitionValue(text, 'binary')).toThrow(
        expect.objectContaining({ code: 'unsupported_feature', feature: 'binary partition values' }),
      )
  })

  it('of dates reach beyond those of JavaScript', () => {
    expect([dateText(0), dateText(-719_529), dateText(100_000_001)]).toEqual([
      '1970-01-01',
      '-000001-12-31',
      '+275760-09-14',
    ])
    expect([dateText(2_147_483_647), dateText(-2_147_483_648)]).toEqual(['+5881580-07-11', '-5877641-06-23'])
  })
})

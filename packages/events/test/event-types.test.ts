import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  decimal,
  defineEventType,
  type EventType,
  type EventTypeInput,
  EventTypes,
  instant,
  int,
  loadEventTypes,
  string,
  tableColumns,
} from '../src/index.ts'

const base = {
  type: 'x',
  table: 'xs',
  description: '',
  fields: { id: string({ required: true }), at: instant(), n: int() },
  example: { type: 'x', id: '1' },
} as const

describe('the built-in event types', () => {
  it('are the thirteen, each with its table', async () => {
    const types = await loadEventTypes()
    expect([...types.byType].map(([type, { table, key }]) => [type, table, key]).sort()).toEqual([
      ['click', 'clickstream', undefined],
      ['comment', 'comments', 'comment_id'],
      ['like', 'likes', undefined],
      ['movie', 'movies', 'movie_id'],
      ['order', 'orders', 'order_id'],
      ['payment', 'payments', 'payment_id'],
      ['playback', 'playback_events', undefined],
      ['post', 'posts', 'post_id'],
      ['recommendation', 'recommendations', undefined],
      ['review', 'reviews', 'review_id'],
      ['subscription', 'subscriptions', 'subscription_id'],
      ['system_metric', 'streaming_quality', undefined],
      ['viewing_log', 'viewing_history', undefined],
    ])
    expect(types.tables.map(({ table }) => table)).toContain('post_media')
  })

  it('give their tables columns: fields first, then lineage', async () => {
    const types = await loadEventTypes()
    expect(tableColumns(types.get('payment')!).map(({ name, type }) => `${name} ${type}`)).toEqual([
      'payment_id string',
      'subscription_id string',
      'user_id string',
      'amount decimal(12,2)',
      'currency string',
      'paid_at timestamp',
      'event_id string',
      'received_at timestamp',
      'raw_batch string',
      'raw_line integer',
      '_extra string',
    ])
    expect(tableColumns(types.get('movie')!).find(({ name }) => name === 'cast')?.type).toBe('array<string>')
  })

  it('have one digest in any order, and another when a field changes', async () => {
    const types = await loadEventTypes()
    const list = [...types.byType.values()]
    expect(new EventTypes([...list].reverse()).digest).toBe(types.digest)
    expect(new EventTypes([...list.slice(1), defineEventType(base)]).digest).not.toBe(types.digest)
  })
})

describe('defineEventType', () => {
  it('chooses the partition by key, else user, else event id', () => {
    expect(defineEventType({ ...base, key: 'id' }).partition_by).toEqual(['id'])
    expect(defineEventType({ ...base, fields: { ...base.fields, user_id: string() } }).partition_by).toEqual([
      'user_id',
    ])
    expect(defineEventType(base).partition_by).toEqual([])
  })

  it.each([
    ['a field that nothing declares', { key: 'nope' }, /key mentions the field "nope"/],
    [
      'a key that may be absent',
      { fields: { ...base.fields, id: string() }, key: 'id' },
      /key to be a required string/,
    ],
    ['a time that is no instant', { time: 'n' }, /time to be an instant/],
    ['a reserved column', { fields: { event_id: string() } }, /"event_id" came/],
    ['a column of DuckDB', { fields: { file_row_number: string() } }, /"file_row_number" came/],
    ['a reserved table', { table: 'ledger' }, /"ledger" came/],
    [
      'a bad kind',
      { fields: { a: { kind: 'blob', required: false } } },
      /fields.a.kind: expected a field of a kind: string, int/,
    ],
    ['an index on nothing', { stores: { postgres: { indexes: [['nope']] } } }, /postgres.indexes mentions/],
    ['a name that no store takes', { fields: { 'a b': string() } }, /"a b" came/],
    [
      'a decimal with more places than digits',
      { fields: { ...base.fields, d: decimal(2, 3) } },
      /scale up to the precision 2; 3 came/,
    ],
    ['an unknown store', { stores: { mongodb: {} } }, /stores: .*mongodb/],
    [
      'a mapping that is none',
      { stores: { influxdb: {} } },
      /stores.influxdb.measurement: expected a name; nothing came/,
    ],
    [
      'a tag that is no text',
      { stores: { influxdb: { measurement: 'm', tags: ['n'], fields: ['n'], time: 'at' } } },
      /influxdb.tags to be a string; n is an int/,
    ],
    [
      'an edge of no kind',
      { stores: { neo4j: { nodes: [], edges: [{ type: 'E', keep: 'all' }] } } },
      /an edge that keeps tally, newest or owned/,
    ],
    [
      'an edge ordered by what a graph orders otherwise',
      {
        fields: { ...base.fields, price: decimal(12, 2) },
        stores: {
          neo4j: {
            nodes: [],
            edges: [
              {
                type: 'E',
                from: { label: 'A', field: 'id' },
                to: { label: 'B', field: 'id' },
                keep: 'newest',
                by: 'price',
                properties: [],
              },
            ],
          },
        },
      },
      /neo4j.edges by to be an instant or an int or a long; price is a decimal/,
    ],
    [
      'an owned edge without a key',
      {
        stores: {
          neo4j: {
            nodes: [],
            edges: [{ type: 'E', from: { label: 'A', field: 'id' }, to: { label: 'B', field: 'id' }, keep: 'owned' }],
          },
        },
      },
      /edge E is owned by a row, so the type needs a key/,
    ],
    ['a word that nothing has', { colour: 'red' }, /Unrecognized key: "colour"/],
    [
      'a required field that the example lacks',
      { example: { type: 'x' } },
      /example event to have the required field id/,
    ],
    ['no example', { example: {} }, /example event/],
    [
      'an explosion without a list',
      { explode: { table: 'x_items', list: 'n' } },
      /explode.list to be a string_list; n is an int/,
    ],
    ['no fields', { fields: {} }, /fields: expected 1 to 500 fields/],
  ])('refuses %s', (_what, change, message) => {
    expect(() => defineEventType({ ...base, ...change } as Parameters<typeof defineEventType>[0])).toThrow(message)
  })
})

describe('the types of defineEventType', () => {
  it('let key, time, partition, lists and stores name declared fields only', () => {
    type Input = EventTypeInput<'id' | 'at'>
    expectTypeOf<Input['key']>().toEqualTypeOf<'id' | 'at' | undefined>()
    expectTypeOf<Input['time']>().toEqualTypeOf<'id' | 'at' | undefined>()
    expectTypeOf<NonNullable<Input['partition_by']>[number]>().toEqualTypeOf<'id' | 'at'>()
    expectTypeOf<NonNullable<Input['explode']>['list']>().toEqualTypeOf<'id' | 'at'>()
    type Stores = NonNullable<Input['stores']>
    expectTypeOf<NonNullable<Stores['influxdb']>['time']>().toEqualTypeOf<'id' | 'at'>()
    expectTypeOf<NonNullable<Stores['elasticsearch']>['text'][number]>().toEqualTypeOf<'id' | 'at'>()
    expectTypeOf<NonNullable<Stores['neo4j']>['edges'][number]['from']['field']>().toEqualTypeOf<'id' | 'at'>()
    expectTypeOf(defineEventType(base)).toEqualTypeOf<EventType<'id' | 'at' | 'n'>>()
    const { fields } = defineEventType(base)
    expect(Object.keys(fields)).toEqual(['id', 'at', 'n'])
  })
})

describe("a folder of the user's own types", () => {
  const examples = join(import.meta.dirname, '../../../examples/event-types')

  it('is loaded beside the built-in ones', async () => {
    const types = await loadEventTypes({ folder: examples })
    expect(types.byTable.get('sensor_readings')?.type).toBe('sensor_reading')
    expect(types.byType.size).toBe(14)
  })

  it.each([
    ['nothing exported', 'export const x = 1', /bad.mjs: expected a default export.*has x/],
    ['a syntax error', 'export default {', /bad.mjs: expected a module that can be loaded/],
    [
      'no event type',
      'export default { type: "x" }',
      /bad.mjs: event type "x": table: expected a table name; nothing came/,
    ],
    [
      'a type that exists',
      `import { defineEventType, string } from '${pathToFileURL(join(import.meta.dirname, '../src/index.ts')).href}'\nexport default defineEventType({ type: 'click', table: 'clicks_again', description: '', fields: { a: string() }, example: { type: 'click' } })`,
      /bad.mjs: expected a type of its own; "click" is that of .*click.ts/,
    ],
  ])('says what is wrong with a file: %s', async (_what, source, message) => {
    const folder = await mkdtemp(join(tmpdir(), 'event-types-'))
    await writeFile(join(folder, 'bad.mjs'), source)
    await expect(loadEventTypes({ folder })).rejects.toThrow(message)
    await rm(folder, { recursive: true })
  })

  it('may lie anywhere, import the package by its name, or export a plain object', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'event-types-'))
    const rest = "description: '', example: { type: 'one', id: '1' }"
    await writeFile(
      join(folder, 'one.mjs'),
      `import { defineEventType, string } from '@sluice/events'\nexport default defineEventType({ type: 'one', table: 'ones', fields: { id: string({ required: true }) }, ${rest} })`,
    )
    await writeFile(
      join(folder, 'two.mjs'),
      `export default { type: 'two', table: 'twos', fields: { user_id: { kind: 'string', required: false } }, description: '', example: { type: 'two' } }`,
    )
    await writeFile(join(folder, '_draft.mjs'), 'this is no module')
    const types = await loadEventTypes({ folder })
    expect(types.get('one')?.partition_by).toEqual([])
    expect(types.get('two')?.partition_by).toEqual(['user_id'])
    expect(types.byType.size).toBe(15)
    await rm(folder, { recursive: true })
  })

  it('that is not there is an error', async () => {
    await expect(loadEventTypes({ folder: '/no/such/folder' })).rejects.toThrow(/SLUICE_EVENT_TYPES: expected a folder/)
  })
})

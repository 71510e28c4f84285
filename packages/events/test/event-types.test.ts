import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { defineEventType, EventTypes, instant, int, loadEventTypes, string, tableColumns } from '../src/index.ts'

const base = { type: 'x', table: 'xs', description: '', fields: { id: string({ required: true }), at: instant(), n: int() }, example: { type: 'x' } } as const

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
      'payment_id string', 'subscription_id string', 'user_id string', 'amount decimal(12,2)', 'currency string', 'paid_at timestamp',
      'event_id string', 'received_at timestamp', 'raw_batch string', 'raw_line integer', '_extra string',
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
    expect(defineEventType({ ...base, fields: { ...base.fields, user_id: string() } }).partition_by).toEqual(['user_id'])
    expect(defineEventType(base).partition_by).toEqual([])
  })

  it.each([
    ['a field that nothing declares', { key: 'nope' }, /key mentions the field "nope"/],
    ['a key that may be absent', { fields: { ...base.fields, id: string() }, key: 'id' }, /key to be a required string/],
    ['a time that is no instant', { time: 'n' }, /time to be an instant/],
    ['a reserved column', { fields: { event_id: string() } }, /"event_id" came/],
    ['a reserved table', { table: 'ledger' }, /"ledger" came/],
    ['a bad kind', { fields: { a: { kind: 'blob', required: false } } }, /field a: expected one of/],
    ['an index on nothing', { stores: { postgres: { indexes: [['nope']] } } }, /postgres.indexes mentions/],
    ['no example', { example: {} }, /example event/],
    ['an explosion without a list', { explode: { table: 'x_items', list: 'n' } }, /explode needs/],
  ])('refuses %s', (_what, change, message) => {
    expect(() => defineEventType({ ...base, ...change } as Parameters<typeof defineEventType>[0])).toThrow(message)
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
    ['no event type', 'export default { type: "x" }', /bad.mjs: event type "x": expected a table name/],
    ['a type that exists', `import { defineEventType, string } from '${pathToFileURL(join(import.meta.dirname, '../src/index.ts')).href}'\nexport default defineEventType({ type: 'click', table: 'clicks_again', description: '', fields: { a: string() }, example: { type: 'click' } })`, /share the type "click"/],
  ])('says what is wrong with a file: %s', async (_what, source, message) => {
    const folder = await mkdtemp(join(tmpdir(), 'event-types-'))
    await writeFile(join(folder, 'bad.mjs'), source)
    await expect(loadEventTypes({ folder })).rejects.toThrow(message)
    await rm(folder, { recursive: true })
  })

  it('that is not there is an error', async () => {
    await expect(loadEventTypes({ folder: '/no/such/folder' })).rejects.toThrow(/SLUICE_EVENT_TYPES: expected a folder/)
  })
})

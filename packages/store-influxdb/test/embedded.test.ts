import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '@sluice/store/store'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStore } from '../src/embedded.ts'
import { first, metricRow, quality, step } from './quality-tables.ts'

let folder: string
let store: Store

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-series-'))
  store = await openStore({ folder, now: () => Date.UTC(2025, 9, 8) })
  await store.prepare([quality])
})

afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})

const perMinute = async (region: string, from: string, to: string) =>
  (await store.ask('buffering-per-minute', { region, from, to }, 100)).rows.map((row) => [
    row.minute,
    row.buffering_count,
  ])

test('buffering is summed by minute, from (in) to (out), minutes without data left out', async () => {
  await store.apply(
    first([
      metricRow('a', { at: '2025-10-02T21:15:00.000000Z', count: 5 }),
      metricRow('b', { at: '2025-10-02T21:15:59.999999Z', count: 7, movie_id: 'm2' }),
      metricRow('c', { at: '2025-10-02T21:17:00.000000Z', count: 1 }),
      metricRow('d', { at: '2025-10-02T21:18:00.000000Z', count: null }),
      metricRow('e', { at: '2025-10-02T21:19:00.000000Z', count: 100 }),
      metricRow('f', { at: '2025-10-02T21:14:59.999999Z', count: 100 }),
      metricRow('g', { region: 'US,East', count: 100 }),
    ]),
  )
  expect(await perMinute('India', '2025-10-02T21:15:00Z', '2025-10-02T21:19:00Z')).toEqual([
    ['2025-10-02T21:15:00.000000Z', 12],
    ['2025-10-02T21:17:00.000000Z', 1],
  ])
  expect(await perMinute('India', '2025-10-02', '2025-10-03')).toHaveLength(4)
  expect(await perMinute('India', '2025-10-02T21:15:30Z', '2025-10-02T21:16:00Z')).toEqual([
    ['2025-10-02T21:15:00.000000Z', 7],
  ])
})

test('a trend has whole days in UTC, the end left out', async () => {
  const days = ['2025-09-30T23:59:59.999999Z', '2025-10-01T00:00:00.000000Z', '2025-10-07T23:59:59.999999Z']
  await store.apply(
    first([...days, '2025-10-08T00:00:00.000000Z'].map((at, i) => metricRow(`e${i}`, { at, count: 10 + i }))),
  )
  const trend = async (parameters: Record<string, string>) =>
    (await store.ask('buffering-trend', { region: 'India', ...parameters }, 100)).rows
  const week = [
    { day: '2025-10-01', buffering_count: 11 },
    { day: '2025-10-07', buffering_count: 12 },
  ]
  expect(await trend({})).toEqual(week)
  expect(await trend({ to: '2025-10-08', days: '7' })).toEqual(week)
  expect(await trend({ to: '2025-10-08T12:00:00Z', days: '1' })).toEqual([
    { day: '2025-10-07', buffering_count: 12 },
    { day: '2025-10-08', buffering_count: 13 },
  ])
  expect(await trend({ days: '8' })).toHaveLength(3)
  expect(await trend({ days: '999999999' })).toHaveLength(3)
})

test('two metrics of one series and microsecond are two', async () => {
  await store.apply(first([metricRow('a', { count: 3 }), metricRow('b', { count: 4 })]))
  expect(await perMinute('India', '2025-10-02', '2025-10-03')).toEqual([['2025-10-02T21:15:00.000000Z', 7]])
})

test.each(['', ' ', "';--", 'a\0b', 'a\\', 'a\nb', '"', 'São Paulo', '👀', '__proto__', 'x'.repeat(60_000)])(
  'a region of %j is found as it is',
  async (region) => {
    await store.apply(first([metricRow('a', { region, count: 2 }), metricRow('b', { region: `${region.slice(1)}z` })]))
    expect(await perMinute(region, '2025-10-02', '2025-10-03')).toEqual([['2025-10-02T21:15:00.000000Z', 2]])
  },
)

test.each([
  ['0001-01-01T00:00:00.000001Z', '0001-01-01T00:00:00.000000Z', '0001-01-01', '0001-01-02'],
  ['1969-12-31T23:59:59.999999Z', '1969-12-31T23:59:00.000000Z', '1969-12-31', '1970-01-01'],
  ['9999-12-31T23:59:59.999999Z', '9999-12-31T23:59:00.000000Z', '9999-12-31', '9999-12-31T23:59:59.9999999Z'],
])('the instant %s falls into its minute', async (at, minute, from, to) => {
  await store.apply(first([metricRow('a', { at, count: 2 })]))
  expect(await perMinute('India', from, to)).toEqual(to.endsWith('9Z') ? [] : [[minute, 2]])
})

test('a sum beyond 2^53 is text', async () => {
  const big = 2 ** 52
  await store.apply(first(['a', 'b', 'c'].map((id) => metricRow(id, { count: big }))))
  expect(await perMinute('India', '2025-10-02', '2025-10-03')).toEqual([
    ['2025-10-02T21:15:00.000000Z', String(3n * 2n ** 52n)],
  ])
})

test('a newer row moves the point, and an older one never comes back', async () => {
  const all = () => perMinute('India', '2025-10-02', '2025-10-04')
  await store.apply(step(undefined, 5, [metricRow('a', { count: 1, version: 5 })]))
  await store.apply(step(5, 6, [metricRow('a', { count: 2, at: '2025-10-03T00:00:00.000000Z', version: 6 })]))
  await store.apply(step(6, 7, [metricRow('a', { count: 1, version: 5 })]))
  expect(await all()).toEqual([['2025-10-03T00:00:00.000000Z', 2]])
  await store.apply(step(7, 8, [metricRow('a', { op: 'delete', version: 8 })]))
  await store.apply(step(8, 9, [metricRow('a', { count: 2, version: 6 })]))
  expect([await all(), await store.inventory('streaming_quality', undefined, 10)]).toEqual([[], []])
})

test('a batch whose expectation is not the progress changes nothing', async () => {
  await store.apply(first([metricRow('a')]))
  expect(await store.apply(first([metricRow('b')]))).toEqual({
    kind: 'superseded',
    actual: { table_id: 't1', version: 1 },
  })
  expect(await store.inventory('streaming_quality', undefined, 10)).toEqual([{ identity: 'a', fingerprint: 'a' }])
})

test('a row that cannot be a point is refused with its reason, and stored once it can', async () => {
  const long = 'x'.repeat(60_001)
  const outcome = await store.apply(first([metricRow('a', { region: long }), metricRow('b')]))
  expect(outcome).toEqual({
    kind: 'applied',
    refused: [{ identity: 'a', event_id: 'a', reason: 'a tag or field has at most 60000 bytes, region has 60001' }],
  })
  expect(await store.refusals('streaming_quality', undefined, 10)).toHaveLength(1)
  expect(await store.refusals('streaming_quality', 'a', 10)).toEqual([])
  expect(await store.inventory('streaming_quality', undefined, 10)).toEqual([{ identity: 'b', fingerprint: 'b' }])
  await store.apply(step(1, 2, [metricRow('a', { version: 2 })]))
  expect(await store.refusals('streaming_quality', undefined, 10)).toEqual([])
  expect(await store.inventory('streaming_quality', undefined, 10)).toHaveLength(2)
})

test('after close and open everything is there; after forget nothing is', async () => {
  await store.apply(first([metricRow('a', { count: 9 })]))
  await store.close()
  store = await openStore({ folder })
  expect(await perMinute('India', '2025-10-02', '2025-10-03')).toEqual([['2025-10-02T21:15:00.000000Z', 9]])
  await store.forget('streaming_quality')
  expect([await perMinute('India', '2025-10-02', '2025-10-03'), await store.progress()]).toEqual([[], {}])
  expect((await store.apply(first([metricRow('a')]))).kind).toBe('applied')
})

test('a damaged file is told as corrupt', async () => {
  const other = mkdtempSync(join(tmpdir(), 'sluice-series-'))
  writeFileSync(join(other, 'series.sqlite'), 'this is no database, '.repeat(100))
  await expect(openStore({ folder: other })).rejects.toMatchObject({ code: 'corrupt' })
  rmSync(other, { recursive: true })
})

test('a question nobody knows and a malformed parameter are told', async () => {
  await expect(store.ask('toString', {}, 1)).rejects.toMatchObject({ code: 'unknown_question' })
  await expect(store.ask('buffering-trend', {}, 1)).rejects.toThrow('needs the parameter region')
  await expect(perMinute('India', 'yesterday', '2025-10-03')).rejects.toThrow('from: expected a day or an instant')
})

test('inventory pages in the order of UTF-8 bytes', async () => {
  const ids = ['z', '\u{1f600}', '\uff5e', 'a\0b', 'a', 'A', "'"]
  await store.apply(first(ids.map((id) => metricRow(id))))
  const pages: string[] = []
  for (let after: string | undefined; ; ) {
    const page = await store.inventory('streaming_quality', after, 2)
    if (page.length === 0) break
    pages.push(...page.map((row) => row.identity))
    after = pages.at(-1)
  }
  expect(pages).toEqual([...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
})

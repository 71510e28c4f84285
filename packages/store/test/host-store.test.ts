import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadEventTypes } from '@sluice/events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hostStore, routedTables, type Store } from '../src/index.ts'

let home: string
let store: Store
let warnings: string[]

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sluice-host-'))
  warnings = []
  store = hostStore({
    name: 'postgres',
    module: new URL('./fixture-store.ts', import.meta.url).href,
    folder: join(home, 'postgres'),
    memory_limit_mb: 64,
    warn: (message) => warnings.push(message),
    now: () => 42,
  })
})

afterEach(async () => {
  await store.close()
  rmSync(home, { recursive: true })
})

const applied = { table: 't', expected: undefined, next: { table_id: 'x', version: 3 }, changes: [] }

test('calls reach the store in its own process, and its errors come back as they are', async () => {
  expect(await store.apply(applied)).toEqual({ kind: 'applied', refused: [] })
  expect(await store.progress()).toEqual({ t: { table_id: 'x', version: 3 } })
  await expect(store.ask('refuse', {}, 1)).rejects.toMatchObject({ code: 'unknown_question', retryable: false })
})

test('a process that was killed is started again by the next call, with its data', async () => {
  await store.apply(applied)
  await expect(store.ask('crash', {}, 1)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
  expect(await store.progress()).toEqual({ t: { table_id: 'x', version: 3 } })
  expect(warnings).toEqual(['a store process ended by itself; it is started again'])
})

test('a store that turns out to be damaged is set aside, and the next call finds an empty one', async () => {
  await store.apply(applied)
  await store.ask('break', {}, 1)
  await expect(store.progress()).rejects.toMatchObject({ code: 'corrupt', retryable: true })
  await expect(store.progress()).rejects.toMatchObject({ code: 'corrupt', retryable: true })
  expect(await store.progress()).toEqual({})
  expect(readdirSync(home).sort()).toEqual(['postgres', 'postgres.damaged-42'])
})

test('a table that cannot be prepared is told as often as it is tried, and holds no folder', async () => {
  const [likes] = routedTables(await loadEventTypes({}), 'postgres')
  if (!likes) throw new Error('there is no table')
  const unholdable = { ...likes, table: 'unholdable' }
  for (let turn = 0; turn < 3; turn++)
    await expect(store.prepare([unholdable])).rejects.toMatchObject({ code: 'failed', message: 'it cannot be held' })
})

test('a store that cannot be loaded is told at once for a while, without a process for whoever asks', async () => {
  let now_ms = 0
  const absent = hostStore({
    name: 'neo4j',
    module: new URL('./absent-store.ts', import.meta.url).href,
    folder: join(home, 'neo4j'),
    memory_limit_mb: 64,
    warn: () => undefined,
    now: () => now_ms,
  })
  const told = () => absent.progress().catch((error: unknown) => error)
  const first = await told()
  expect(first).toMatchObject({ code: 'failed', message: expect.stringContaining('absent-store.ts') })
  expect(await told()).toBe(first)
  now_ms = 15_000
  const later = await told()
  expect(later).toMatchObject({ code: 'failed' })
  expect(later).not.toBe(first)
  await absent.close()
})

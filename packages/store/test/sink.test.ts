import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { localNotices } from '@sluice/event-log'
import { loadEventTypes } from '@sluice/events'
import { Lake, openDatabase } from '@sluice/lake'
import { openMemoryStore } from '@sluice/object-store/memory-store'
import { expect, it, vi } from 'vitest'
import { changeSinkWish, startSink } from '../src/index.ts'
import { MemoryStore } from './memory-store.ts'

it('a sink that is to be paused begins so, and writes once it is resumed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-sink-'))
  const objects = openMemoryStore()
  const database = await openDatabase({
    memory_limit_bytes: 128 * 1024 ** 2,
    threads: 1,
    temporary_path: join(folder, 'duckdb'),
  })
  try {
    const parts = { store: objects, database, scratch_path: folder, now: Date.now }
    const lake = await Lake.open(parts, await loadEventTypes({}))
    await changeSinkWish(objects, 'postgres', (wanted) => ({ ...wanted, paused: true }))
    const store = new MemoryStore()
    const { runner, stop } = await startSink({
      store,
      lake,
      notices: localNotices(),
      events: {},
      objects,
      now: Date.now,
    })
    try {
      expect(runner.state().state).toBe('paused')
      expect(store.batches).toEqual([])
      await runner.resume()
      await vi.waitFor(() => expect(Object.keys(store.place)).toContain('likes'), 10_000)
    } finally {
      await stop()
    }
  } finally {
    await database.close()
    await objects.close()
    await rm(folder, { recursive: true })
  }
})

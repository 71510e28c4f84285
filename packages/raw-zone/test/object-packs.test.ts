import { readFile } from 'node:fs/promises'
import { zstdDecompressSync } from 'node:zlib'
import type { ObjectStore } from '@sluice/object-store'
import { openMemoryStore } from '@sluice/object-store/memory-store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RawWriter, RawZone } from '../src/index.ts'
import { openObjectRawZone } from '../src/objects.ts'
import { idsOf, linesOf } from './contract.ts'
import { mortalStore } from './mortal-store.ts'

/** About ten batches of one line. */
const PACK_BYTES = 1_000

describe('packs', () => {
  const counted = new Map<string, number>()
  const requests = (operation: string) => counted.get(operation) ?? 0
  let store: ObjectStore
  let zone: RawZone
  let writer: RawWriter
  const open = () => openObjectRawZone({ store, pack_bytes: PACK_BYTES, write_behind_ms: 1 })
  const keysOf = async (prefix: string) => {
    const keys: string[] = []
    for await (const { key } of store.list(prefix)) keys.push(key)
    return keys
  }
  const append = async (first: number, last: number) => {
    for (let i = first; i <= last; i++) await writer.append(linesOf(i % 7 === 0 ? [] : [`id-${i}`]))
  }
  const expected = (last: number) =>
    Array.from({ length: last }, (_, i) => i + 1).flatMap((i) => (i % 7 === 0 ? [] : [`id-${i}`]))
  const idsInFiles = async (reader: RawZone) => {
    const ids: string[] = []
    for (const { path, compression, bytes } of await reader.files()) {
      const file = await readFile(path)
      expect([compression, file.length]).toEqual(['zstd', bytes])
      const text = zstdDecompressSync(file).toString('utf8')
      ids.push(
        ...text
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line).event_id),
      )
    }
    return ids
  }
  beforeEach(async () => {
    counted.clear()
    store = openMemoryStore({
      faults: { before: (operation) => void counted.set(operation, requests(operation) + 1) },
    })
    zone = await open()
    writer = await zone.begin()
  })
  afterEach(async () => {
    await zone.close()
    await store.close()
  })

  it('batches move into packs and are found there, by any process', async () => {
    await append(1, 100)
    await expect
      .poll(async () => {
        await append(101, 101)
        return (await keysOf('raw/packs/')).length
      })
      .toBeGreaterThan(3)
    const packed = (await keysOf('raw/packs/')).length
    const reader = await open()
    const first = await reader.batch(writer.incarnation, 1)
    expect(first?.key).toContain('/packs/')
    for (let number = 1; number <= 100; number++) {
      const batch = await reader.find(`${writer.incarnation}-${number}`)
      expect([number, idsOf(batch), batch?.lines]).toEqual([
        number,
        number % 7 === 0 ? [] : [`id-${number}`],
        number % 7 === 0 ? 0 : 1,
      ])
    }
    expect(packed).toBeGreaterThan(3)
    await reader.close()
  })

  it('after the end of an incarnation its objects are packs, and the empty batches that guard their numbers', async () => {
    await append(1, 50)
    await writer.published(50)
    await writer.finish()
    const alone = (await keysOf('raw/batches/')).map((key) => Number(/(\d+)\.ndjson/.exec(key)?.[1]))
    expect(alone.filter((number) => number % 7 === 0)).toEqual([7, 14, 21, 28, 35, 42, 49])
    // A last one alone makes no pack.
    expect(alone.filter((number) => number % 7 > 0 && number !== 50)).toEqual([])
    expect(await keysOf('raw/live/')).toEqual([])
    expect(await idsInFiles(zone)).toEqual(expected(50))
  })

  it('a range is read in few requests, whether in packs or not', async () => {
    await append(1, 300)
    await expect.poll(async () => (await keysOf('raw/packs/')).length).toBeGreaterThan(20)
    const reader = await openObjectRawZone({ store })
    const numbers: number[] = []
    const [lists, gets] = [requests('list'), requests('get')]
    for await (const batch of reader.batches(writer.incarnation, { from: 2, to: 299 })) {
      numbers.push(batch.number)
      expect(idsOf(batch)).toEqual(batch.number % 7 === 0 ? [] : [`id-${batch.number}`])
    }
    expect(numbers).toEqual(Array.from({ length: 298 }, (_, i) => i + 2))
    const packs = (await keysOf('raw/packs/')).length
    // Of each pack its index and its batches; of the last few batches, in no pack yet, one each.
    expect(requests('get') - gets).toBeLessThan(2 * packs + 60)
    expect(requests('list') - lists).toBeLessThan(packs + 10)
    await reader.close()
  })

  it('an adopter packs what the dead one left', async () => {
    const process = mortalStore(store)
    const mortal = await openObjectRawZone({ store: process.store, pack_bytes: PACK_BYTES, write_behind_ms: 1 })
    const victim = await mortal.begin()
    for (let i = 1; i <= 25; i++) await victim.append(linesOf([`v-${i}`]))
    process.die()
    const adopted = await zone.adopt(victim.incarnation, { force: true })
    await adopted!.finish()
    const left = await keysOf(`raw/batches/${victim.incarnation}/`)
    // The fence, which keeps the dead one from coming back; and the last batch, if it was alone.
    expect(left.filter((key) => !/0(25|26)\.ndjson/.test(key))).toEqual([])
    expect(left.at(-1)).toContain('026.ndjson')
    const ids = await idsInFiles(zone)
    expect(ids).toEqual(Array.from({ length: 25 }, (_, i) => `v-${i + 1}`))
    expect(await zone.batch(victim.incarnation, 26)).toBeUndefined()
  })

  it('files hold each line once, at every moment, in few files', async () => {
    const reader = await open()
    for (let last = 0; last < 120; last += 4) {
      await append(last + 1, last + 4)
      expect(await idsInFiles(reader)).toEqual(expected(last + 4))
    }
    expect((await reader.files()).length).toBeLessThan(25)
    await reader.close()
  })

  it('more than the local limit is refused with what to do', async () => {
    await append(1, 5)
    const small = await openObjectRawZone({ store, local_limit_bytes: 100 })
    await expect(small.files()).rejects.toMatchObject({ code: 'no_space' })
    await small.close()
  })

  it('a store that refuses packs loses nothing', async () => {
    let refused = 0
    const grudging = openMemoryStore({
      faults: {
        before: (operation, key) => {
          if (operation !== 'putIfAbsent' || !key.includes('/packs/')) return
          refused++
          throw new Error('no packs')
        },
      },
    })
    const told: string[] = []
    const own = await openObjectRawZone({
      store: grudging,
      pack_bytes: PACK_BYTES,
      write_behind_ms: 1,
      packing_failed: (error, incarnation) => told.push(`${incarnation}: ${String(error)}`),
    })
    const grudged = await own.begin()
    await expect
      .poll(async () => {
        await grudged.append(linesOf(['x']))
        return refused
      })
      .toBeGreaterThan(1)
    await expect.poll(() => told.length).toBeGreaterThan(0)
    expect(new Set(told)).toEqual(new Set([`${grudged.incarnation}: Error: no packs`]))
    const [head] = await own.heads()
    const ids = await idsInFiles(own)
    expect(ids).toHaveLength(head!.lines)
    await own.close()
  })

  it('without the right to delete, raw is packed and complete, and each time it is told', async () => {
    const told: string[] = []
    const undying = { ...store, delete: async () => Promise.reject(new Error('access denied')) }
    const own = await openObjectRawZone({
      store: undying,
      pack_bytes: PACK_BYTES,
      write_behind_ms: 1,
      packing_failed: (error) => told.push(String(error)),
    })
    const keeping = await own.begin()
    await expect
      .poll(async () => {
        await keeping.append(linesOf(['x']))
        return told.length
      })
      .toBeGreaterThan(1)
    expect(new Set(told)).toEqual(new Set(['Error: access denied']))
    const [head] = (await own.heads()).filter(({ incarnation }) => incarnation === keeping.incarnation)
    expect(await idsInFiles(own)).toHaveLength(head!.lines)
    await own.close()
  })
})

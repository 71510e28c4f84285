import { setImmediate as turn } from 'node:timers/promises'
import type { ObjectStore } from '@sluice/object-store'
import { type Faults, openMemoryStore } from '@sluice/object-store/memory-store'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AdoptedIncarnation, RawZone } from '../src/index.ts'
import { type ObjectRawZoneOptions, openObjectRawZone } from '../src/objects.ts'
import { idsOf, linesOf } from './contract.ts'
import { mortalStore } from './mortal-store.ts'

const HOUR_MS = 3_600_000
/** What is waited for comes at once on a free machine, and on a busy one in seconds. */
const WITHIN_MS = 10_000

async function tailOf(adopted: AdoptedIncarnation | undefined): Promise<string[]> {
  const ids: string[] = []
  for await (const batch of adopted!.tail()) ids.push(...idsOf(batch))
  return ids
}

describe('adoption among processes that share objects', () => {
  let store: ObjectStore
  let faults: Faults
  let opened: RawZone[]
  const open = async (options: Partial<ObjectRawZoneOptions> = {}) => {
    const zone = await openObjectRawZone({ store, write_behind_ms: 5, ...options })
    opened.push(zone)
    return zone
  }
  /** A process that appended these and died. */
  async function dead(ids: readonly string[], options: Partial<ObjectRawZoneOptions> = {}): Promise<string> {
    const process = mortalStore(store)
    const zone = await openObjectRawZone({ store: process.store, write_behind_ms: 5, ...options })
    const writer = await zone.begin()
    for (const id of ids) await writer.append(linesOf([id]))
    process.die()
    return writer.incarnation
  }
  beforeEach(() => {
    faults = {}
    store = openMemoryStore({ faults })
    opened = []
  })
  afterEach(async () => {
    for (const zone of opened) await zone.close()
    await store.close()
  })

  it('the living are left alone, whatever the clocks say', async () => {
    const writer = await (await open()).begin()
    for (const off_ms of [0, HOUR_MS, -HOUR_MS]) {
      const other = await open({ now: () => Date.now() + off_ms })
      const [state] = await other.unfinished()
      expect(state?.incarnation).toBe(writer.incarnation)
      expect(state!.lease_until_ms - (Date.now() + off_ms)).toBeGreaterThan(5_000)
      expect(await other.adopt(writer.incarnation)).toBeUndefined()
    }
    await writer.append(linesOf(['still ours']))
  })

  it('one that renews is never adopted; one that stopped is, once, after its lease', async () => {
    // Renewed every 500 ms by this process, which has other things to do as well. The one that is alive began first:
    // without its renewals its lease would be over by the time that of the other is.
    const lease_ms = 1_500
    const alive = await (await open({ lease_ms })).begin()
    const gone = await dead(['a', 'b'], { lease_ms })
    const [one, two] = [await open(), await open()]
    const adopted = await vi.waitFor(async () => {
      const found = await Promise.all([one.adopt(gone), two.adopt(gone)])
      expect(found.some(Boolean)).toBe(true)
      return found
    }, WITHIN_MS)
    expect(adopted.filter(Boolean)).toHaveLength(1)
    expect(await tailOf(adopted.find(Boolean))).toEqual(['a', 'b'])
    expect(await one.adopt(alive.incarnation)).toBeUndefined()
  })

  it('one that went away in order is adopted at once', async () => {
    const leaving = await openObjectRawZone({ store })
    const writer = await leaving.begin()
    await writer.append(linesOf(['a']))
    await leaving.close()
    const zone = await open()
    expect(await zone.unfinished()).toEqual([{ incarnation: writer.incarnation, published: 0, lease_until_ms: 0 }])
    expect(await tailOf(await zone.adopt(writer.incarnation))).toEqual(['a'])
  })

  it('the one that was taken over learns it, and acknowledges nothing more', async () => {
    const writer = await (await open()).begin()
    await writer.append(linesOf(['a']))
    const adopted = await (await open()).adopt(writer.incarnation, { force: true })
    await expect(writer.append(linesOf(['b']))).rejects.toMatchObject({ code: 'fenced' })
    await expect(writer.append(linesOf(['c']))).rejects.toMatchObject({ code: 'fenced' })
    expect(await tailOf(adopted)).toEqual(['a'])
    await vi.waitFor(() => expect(writer.published(1)).rejects.toMatchObject({ code: 'fenced' }), WITHIN_MS)
    await adopted!.finish()
  })

  it('an adopter that dies is followed by another, from where it came', async () => {
    const incarnation = await dead(['a', 'b', 'c'])
    const process = mortalStore(store)
    const first = await openObjectRawZone({ store: process.store, write_behind_ms: 1 })
    const adopted = await first.adopt(incarnation, { force: true })
    await adopted!.advanced(2)
    const zone = await open()
    await vi.waitFor(async () => expect((await zone.unfinished())[0]?.published).toBe(2), WITHIN_MS)
    process.die()
    const next = await zone.adopt(incarnation, { force: true })
    expect(next?.published).toBe(2)
    expect(await tailOf(next)).toEqual(['c'])
    await next!.finish()
    expect(await zone.heads()).toEqual([{ incarnation, head: 3, lines: 3 }])
  })

  it('what was published to another log counts for nothing on this one', async () => {
    const gone = await dead(['a', 'b', 'c'], { log: 'first' })
    const former = await (await open({ log: 'first' })).adopt(gone, { force: true })
    await former!.advanced(3)
    await former!.release()
    const zone = await open({ log: 'second' })
    expect(await zone.unfinished()).toMatchObject([{ incarnation: gone, published: 0 }])
    const adopted = await zone.adopt(gone)
    expect([adopted?.published, await tailOf(adopted)]).toEqual([0, ['a', 'b', 'c']])
    await adopted!.advanced(2)
    await adopted!.release()
    const again = await (await open({ log: 'second' })).adopt(gone)
    expect([again?.published, await tailOf(again)]).toEqual([2, ['c']])
    await again!.finish()
    expect(await zone.unfinished()).toEqual([])
  })

  it('one that is given up while heads are listed is among them', async () => {
    const gone = await dead(['a', 'b'])
    const zone = await open()
    const adopted = await zone.adopt(gone, { force: true })
    faults.before = async (operation, key) => {
      if (operation === 'list' && key.includes('finished')) await adopted?.release()
    }
    expect(await zone.heads()).toEqual([{ incarnation: gone, head: 2, lines: 2 }])
  })

  it('an adopter whose store is away gives it up all the same; another adopts it once the lease has run out', async () => {
    const incarnation = await dead(['a', 'b'])
    let away = false
    const faulty = mortalStore(store).store
    const first = await openObjectRawZone({
      write_behind_ms: 1,
      lease_ms: 60,
      store: {
        ...faulty,
        replaceIfMatch: async (key, bytes, etag) => {
          if (away) throw new Error('away')
          return faulty.replaceIfMatch(key, bytes, etag)
        },
      },
    })
    opened.push(first)
    const adopted = await first.adopt(incarnation, { force: true })
    await adopted!.advanced(1)
    await vi.waitFor(async () => expect((await (await open()).unfinished())[0]?.published).toBe(1), WITHIN_MS)
    away = true
    await expect(adopted!.release()).rejects.toThrow('away')
    away = false
    expect((await first.unfinished()).map((one) => one.incarnation)).toEqual([incarnation])
    const again = await vi.waitFor(async () => {
      const taken = await first.adopt(incarnation)
      expect(taken).toBeDefined()
      return taken
    }, WITHIN_MS)
    expect(await tailOf(again)).toEqual(['b'])
    await again!.finish()
  })

  it('a batch that was deleted is an error that says what to do, and nothing behind it comes', async () => {
    const writer = await (await open()).begin()
    for (const id of ['x', 'y', 'z']) await writer.append(linesOf([id]))
    const adopter = await open()
    const adopted = await adopter.adopt(writer.incarnation, { force: true })
    await store.delete([`raw/batches/${writer.incarnation}/${'2'.padStart(15, '0')}.ndjson.zst`])
    const ids: string[] = []
    const reading = (async () => {
      for await (const batch of adopted!.tail()) ids.push(...idsOf(batch))
    })()
    await expect(reading).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(new RegExp(`${writer.incarnation}-2.*restore`)),
    })
    expect(ids).toEqual(['x'])
  })

  it('an adopter that was taken over itself cannot finish', async () => {
    const incarnation = await dead(['a'])
    const first = await (await open()).adopt(incarnation, { force: true })
    const second = await (await open()).adopt(incarnation, { force: true })
    await expect(first!.finish()).rejects.toMatchObject({ code: 'fenced' })
    await expect(first!.advanced(1)).rejects.toMatchObject({ code: 'fenced' })
    expect(await tailOf(second)).toEqual(['a'])
    await second!.finish()
    expect(await (await open()).unfinished()).toEqual([])
  })

  it('heads of others tell every acknowledged batch at once', async () => {
    const writer = await (await open({ write_behind_ms: HOUR_MS })).begin()
    const zone = await open()
    for (let i = 1; i <= 40; i++) {
      await writer.append(linesOf(Array.from({ length: i % 3 }, (_, line) => `${i}-${line}`)))
      if (i % 8 === 0) {
        const lines = Array.from({ length: i }, (_, n) => (n + 1) % 3).reduce((sum, one) => sum + one, 0)
        expect(await zone.heads()).toEqual([{ incarnation: writer.incarnation, head: i, lines }])
      }
    }
  })

  it('whatever moment it is taken over at, no acknowledged line is lost and none comes that was filled', async () => {
    for (let seed = 1; seed <= 100; seed++) {
      let state = seed
      const random = () => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
        return state / 2_147_483_648
      }
      /** Lets up to so many other steps happen first. */
      const dawdle = async (turns: number) => {
        for (let left = random() * turns; left > 1; left--) await turn()
      }
      let failures = 6
      const slow = openMemoryStore({
        faults: {
          before: async (operation, key) => {
            await dawdle(8)
            if (failures > 0 && operation === 'putIfAbsent' && key.includes('/batches/') && random() < 0.15) {
              failures--
              throw new Error('refused')
            }
          },
          after: async (operation, key) => {
            await dawdle(8)
            if (failures > 0 && operation === 'putIfAbsent' && key.includes('/batches/') && random() < 0.15) {
              failures--
              throw new Error('lost')
            }
          },
        },
      })
      const parts = { store: slow, write_behind_ms: 2, pack_bytes: 500 }
      const [a, b] = [await openObjectRawZone(parts), await openObjectRawZone(parts)]
      const writer = await a.begin()
      const acknowledged = new Map<number, string>()
      const sent = 30
      const sending = Promise.all(
        Array.from({ length: sent }, async (_, i) => {
          await dawdle(80)
          const batch = await writer.append(linesOf([`id-${i}`])).catch(() => undefined)
          if (batch) acknowledged.set(batch.number, `id-${i}`)
        }),
      )
      await dawdle(120)
      const adopt = () => b.adopt(writer.incarnation, { force: true }).catch(() => undefined)
      let adopted = await adopt()
      while (!adopted) adopted = await adopt()
      await sending
      const batches = new Map<number, string[]>()
      for await (const batch of adopted.tail()) batches.set(batch.number, idsOf(batch))
      expect([...batches.keys()]).toEqual(Array.from({ length: batches.size }, (_, i) => i + 1))
      for (const [number, id] of acknowledged) expect([seed, number, batches.get(number)]).toEqual([seed, number, [id]])
      failures = 0
      await adopted.finish()
      const [head] = await b.heads()
      expect(head?.head ?? 0).toBe(batches.size)
      for (const [number, ids] of batches) expect(idsOf(await b.batch(writer.incarnation, number))).toEqual(ids)
      expect(await b.batch(writer.incarnation, batches.size + 1)).toBeUndefined()
      await Promise.all([a.close(), b.close()])
    }
  })
})

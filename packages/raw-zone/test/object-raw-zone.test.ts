import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ObjectStoreError, openFolderStore } from '@sluice/object-store'
import { type Faults, openMemoryStore } from '@sluice/object-store/memory-store'
import { describe, expect, it } from 'vitest'
import type { RawZone } from '../src/index.ts'
import { openObjectRawZone } from '../src/objects.ts'
import { contractOfRawZone, idsOf, linesOf } from './contract.ts'
import { mortalStore } from './mortal-store.ts'

contractOfRawZone('objects in memory', async () => {
  const store = openMemoryStore()
  const process = mortalStore(store)
  return {
    zone: await openObjectRawZone({ store: process.store }),
    die: () => {
      process.die()
      return openObjectRawZone({ store })
    },
    end: () => store.close(),
  }
})

contractOfRawZone('objects in a folder', async () => {
  const path = await mkdtemp(join(tmpdir(), 'object-raw-zone-'))
  const store = await openFolderStore(path)
  const process = mortalStore(store)
  const zone = await openObjectRawZone({ store: process.store, pack_bytes: 300 })
  const opened: RawZone[] = []
  return {
    zone,
    die: async () => {
      process.die()
      opened.push(await openObjectRawZone({ store, pack_bytes: 300 }))
      return opened.at(-1)!
    },
    end: async () => {
      process.die()
      for (const one of opened) await one.close()
      // What the one that died had begun, a pack for one, may still be written.
      await rm(path, { recursive: true, maxRetries: 10 })
    },
  }
})

/** A gate that holds an operation until it is opened. */
function gate(): { passed: Promise<void>; open: () => void } {
  let open = () => {}
  const passed = new Promise<void>((opened) => {
    open = opened
  })
  return { passed, open }
}

async function idsIn(zone: RawZone, incarnation: string, head: number): Promise<string[][]> {
  const ids: string[][] = []
  for (let number = 1; number <= head; number++) {
    const batch = await zone.batch(incarnation, number)
    expect(batch, `batch ${number}`).toBeDefined()
    ids.push(idsOf(batch))
  }
  return ids
}

describe('batches as objects', () => {
  const faults: Faults = {}
  const open = async (more: Faults = {}, appends_in_flight = 8) => {
    const zone = await openObjectRawZone({ store: openMemoryStore({ faults: more }), appends_in_flight })
    return { zone, writer: await zone.begin() }
  }
  const isBatch = (operation: string, key: string, number?: number) =>
    operation === 'putIfAbsent' && key.includes('/batches/') && (number === undefined || key.includes(`0${number}.`))

  it('several are on their way at once, no more than allowed, and acknowledged in order', async () => {
    const gates = new Map([1, 2, 3, 4, 5].map((number) => [number, gate()]))
    const arrived: number[] = []
    const { zone, writer } = await open(
      {
        before: async (operation, key) => {
          if (!isBatch(operation, key)) return
          const number = Number(/(\d+)\.ndjson/.exec(key)?.[1])
          arrived.push(number)
          await gates.get(number)?.passed
        },
      },
      3,
    )
    const acknowledged: number[] = []
    const appends = ['a', 'b', 'c', 'd', 'e'].map((id) =>
      writer.append(linesOf([id])).then(({ number }) => acknowledged.push(number)),
    )
    await expect.poll(() => arrived.length).toBe(3)
    gates.get(2)?.open()
    gates.get(3)?.open()
    await expect.poll(() => zone.batch(writer.incarnation, 3)).toBeDefined()
    expect([acknowledged, [...arrived].sort()]).toEqual([[], [1, 2, 3]])
    gates.get(1)?.open()
    await expect.poll(() => acknowledged).toEqual([1, 2, 3])
    gates.get(5)?.open()
    gates.get(4)?.open()
    await Promise.all(appends)
    expect(acknowledged).toEqual([1, 2, 3, 4, 5])
    await zone.close()
  })

  it('a number whose write failed is filled by an empty batch, and the lines get another', async () => {
    let failing = true
    const { zone, writer } = await open({
      before: (operation, key) => {
        if (failing && isBatch(operation, key, 2)) {
          failing = false
          throw new Error('refused')
        }
      },
    })
    const batches = await Promise.all(['a', 'b', 'c'].map((id) => writer.append(linesOf([id]))))
    expect(batches.map(({ number }) => number)).toEqual([1, 4, 3])
    expect(await idsIn(zone, writer.incarnation, 4)).toEqual([['a'], [], ['c'], ['b']])
    expect(await zone.heads()).toEqual([{ incarnation: writer.incarnation, head: 4, lines: 3 }])
    await zone.close()
  })

  it('a write that came through though it seemed to fail is durable under its number', async () => {
    let losing = true
    const { zone, writer } = await open({
      after: (operation, key) => {
        if (losing && isBatch(operation, key, 2)) {
          losing = false
          throw new Error('the answer was lost')
        }
      },
    })
    const batches = await Promise.all(['a', 'b', 'c'].map((id) => writer.append(linesOf([id]))))
    expect(batches.map(({ number }) => number)).toEqual([1, 2, 3])
    expect(await idsIn(zone, writer.incarnation, 3)).toEqual([['a'], ['b'], ['c']])
    await zone.close()
  })

  it('with the store away nothing is acknowledged; afterwards the numbers go on without a gap', async () => {
    let away = false
    const { zone, writer } = await open({
      before: (operation) => {
        if (away && operation !== 'get') throw new Error('away')
      },
    })
    await writer.append(linesOf(['a']))
    away = true
    const refused = await Promise.allSettled(['b', 'c', 'd'].map((id) => writer.append(linesOf([id]))))
    expect(refused.map((one) => one.status === 'rejected' && one.reason)).toEqual(
      Array.from({ length: 3 }, () => expect.objectContaining({ code: 'failed', retryable: true })),
    )
    await expect(writer.append(linesOf(['e']))).rejects.toMatchObject({ retryable: true })
    away = false
    const { number } = await writer.append(linesOf(['f']))
    const ids = await idsIn(zone, writer.incarnation, number)
    expect(ids).toEqual([['a'], [], [], [], ['f']])
    await zone.close()
  })

  it('a store that is away is asked once an append, and what it did all the same is found later', async () => {
    const asked: string[] = []
    let losing = true
    const { zone, writer } = await open({
      after: (operation, key) => {
        if (!isBatch(operation, key)) return
        asked.push(key)
        if (losing) throw new ObjectStoreError('unreachable', 'the answer was lost', { retryable: true })
      },
    })
    await expect(writer.append(linesOf(['a']))).rejects.toMatchObject({ retryable: true })
    expect(asked.length).toBe(1)
    await expect(writer.append(linesOf(['b']))).rejects.toMatchObject({ retryable: true })
    expect(asked.length).toBe(2)
    losing = false
    const { number } = await writer.append(linesOf(['c']))
    expect(await idsIn(zone, writer.incarnation, number)).toEqual([['a'], ['c']])
    await zone.close()
  })

  it('an encoder that throws uses no number up', async () => {
    const { zone, writer } = await open(faults)
    const throwing = writer.append(() => {
      throw new Error('no text')
    })
    await expect(throwing).rejects.toThrow('no text')
    expect((await writer.append(linesOf(['a']))).number).toBe(1)
    await zone.close()
  })

  it('a flipped bit, a cut object and another batch in its place are loud', async () => {
    const store = openMemoryStore()
    const zone = await openObjectRawZone({ store })
    const writer = await zone.begin()
    const { key } = await writer.append(linesOf(['a']))
    const second = await writer.append(linesOf(['b']))
    const whole = Buffer.from((await store.get(key))!)
    for (let at = 0; at < whole.length; at++) {
      const flipped = Buffer.from(whole)
      flipped[at] = flipped[at]! ^ 0x10
      await store.put(key, flipped)
      const lines = await zone.batch(writer.incarnation, 1).then(idsOf, ({ code }) => code)
      // Bits of the frame's header that mean nothing may flip without harm.
      expect(['corrupt', ['a']]).toContainEqual(lines)
    }
    await store.put(key, whole.subarray(0, whole.length - 1))
    await expect(zone.batch(writer.incarnation, 1)).rejects.toMatchObject({ code: 'corrupt' })
    await store.put(key, (await store.get(second.key))!)
    await expect(zone.batch(writer.incarnation, 1)).rejects.toMatchObject({ code: 'corrupt' })
    await zone.close()
  })

  it('an incarnation that ends with unpublished batches is left for adoption', async () => {
    const { zone, writer } = await open()
    await writer.append(linesOf(['a']))
    await writer.append(linesOf(['b']))
    await writer.published(1)
    await writer.finish()
    expect(await zone.unfinished()).toEqual([{ incarnation: writer.incarnation, published: 1, lease_until_ms: 0 }])
    const adopted = await zone.adopt(writer.incarnation)
    expect(adopted?.published).toBe(1)
    await zone.close()
  })
})

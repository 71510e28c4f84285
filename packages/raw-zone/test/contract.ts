import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RawBatch, RawZone } from '../src/index.ts'

/** `die`: the process is gone without a word, and another opens the same place. */
export interface ZoneUnderTest {
  zone: RawZone
  die: () => Promise<RawZone>
  end: () => Promise<void>
}

export const linesOf = (texts: readonly string[]) => (batch: string) => ({
  bytes: new Uint8Array(
    Buffer.from(texts.map((text, line) => `{"batch":"${batch}","line":${line},"event_id":"${text}"}\n`).join('')),
  ),
  lines: texts.length,
})
export const idsOf = (batch: RawBatch | undefined) =>
  Buffer.from(batch?.bytes ?? [])
    .toString('utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).event_id)

/** The one contract suite of `RawZone`. */
export function contractOfRawZone(name: string, open: () => Promise<ZoneUnderTest>): void {
  describe(`${name} keeps the contract of a raw zone`, () => {
    let under: ZoneUnderTest
    beforeEach(async () => {
      under = await open()
    })
    afterEach(() => under.end())

    it('batches are numbered from 1 without gaps and read back', async () => {
      const writer = await under.zone.begin()
      const batches = await Promise.all(
        Array.from({ length: 20 }, (_, i) => writer.append(linesOf([`a${i}`, `b${i}`]))),
      )
      expect(batches.map(({ number }) => number)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
      for (const { batch_id, number } of batches) {
        expect(idsOf(await under.zone.batch(writer.incarnation, number))).toEqual([`a${number - 1}`, `b${number - 1}`])
        expect((await under.zone.find(batch_id))?.number).toBe(number)
      }
      expect(await under.zone.batch(writer.incarnation, 21)).toBeUndefined()
      expect(await under.zone.find('nothing-7')).toBeUndefined()
      expect(await under.zone.find('no id')).toBeUndefined()
      expect(await under.zone.heads()).toEqual([{ incarnation: writer.incarnation, head: 20, lines: 40 }])
    })

    it('batches of a range come in order, empty ones too, and what is not there is an error', async () => {
      const writer = await under.zone.begin()
      for (let i = 1; i <= 130; i++) await writer.append(linesOf(i % 5 === 0 ? [] : [`id-${i}`]))
      const read: [number, string[]][] = []
      const numbersOf = async (from: number, to: number) => {
        read.length = 0
        for await (const batch of under.zone.batches(writer.incarnation, { from, to }))
          read.push([batch.number, idsOf(batch)])
        return read
      }
      const expected = (from: number, to: number) =>
        Array.from({ length: to - from + 1 }, (_, i) => [from + i, (from + i) % 5 === 0 ? [] : [`id-${from + i}`]])
      expect(await numbersOf(3, 127)).toEqual(expected(3, 127))
      expect(await numbersOf(130, 130)).toEqual(expected(130, 130))
      expect(await numbersOf(131, 130)).toEqual([])
      await expect(numbersOf(128, 131)).rejects.toMatchObject({ code: 'corrupt' })
      expect(read).toEqual(expected(128, 130))
    })

    it('an adopted incarnation that is given up is adopted at once, by the same process too, from where it came', async () => {
      const writer = await under.zone.begin()
      for (const id of ['a', 'b', 'c']) await writer.append(linesOf([id]))
      const zone = await under.die()
      const adopted = await zone.adopt(writer.incarnation, { force: true })
      await adopted!.advanced(1)
      await adopted!.release()
      const [state] = await zone.unfinished()
      expect(state).toMatchObject({ incarnation: writer.incarnation, published: 1, lease_until_ms: 0 })
      const again = await zone.adopt(writer.incarnation)
      expect(again?.published).toBe(1)
      const ids: string[] = []
      for await (const batch of again!.tail()) ids.push(...idsOf(batch))
      expect(ids).toEqual(['b', 'c'])
      await again!.finish()
    })

    it('what was acknowledged is there after a crash, to be adopted and published from where the dead one was', async () => {
      const writer = await under.zone.begin()
      for (const id of ['a', 'b', 'c']) await writer.append(linesOf([id]))
      const zone = await under.die()
      const [state] = await zone.unfinished()
      expect(state?.incarnation).toBe(writer.incarnation)
      const adopted = await zone.adopt(writer.incarnation, { force: true })
      const tail: string[] = []
      for await (const batch of adopted!.tail()) {
        tail.push(...idsOf(batch))
        await adopted!.advanced(batch.number)
      }
      expect(tail).toEqual(['a', 'b', 'c'])
      await adopted!.finish()
      expect(await zone.unfinished()).toEqual([])
      // There is nothing to give up any more.
      await adopted!.release()
      expect(await zone.adopt(writer.incarnation, { force: true })).toBeUndefined()
      expect((await zone.find(`${writer.incarnation}-2`))?.lines).toBe(1)
    })

    it('an incarnation that ended well is not adopted, and still read', async () => {
      const writer = await under.zone.begin()
      await writer.append(linesOf(['a']))
      await writer.published(1)
      await writer.finish()
      const zone = await under.die()
      expect(await zone.unfinished()).toEqual([])
      expect(idsOf(await zone.find(`${writer.incarnation}-1`))).toEqual(['a'])
      expect(await zone.heads()).toEqual([{ incarnation: writer.incarnation, head: 1, lines: 1 }])
    })

    it('two incarnations never share a batch id', async () => {
      const [a, b] = [await under.zone.begin(), await under.zone.begin()]
      const [first, second] = [await a.append(linesOf(['x'])), await b.append(linesOf(['y']))]
      expect(first.batch_id).not.toBe(second.batch_id)
      expect([idsOf(await under.zone.find(first.batch_id)), idsOf(await under.zone.find(second.batch_id))]).toEqual([
        ['x'],
        ['y'],
      ])
    })

    it('an empty batch has a number and no lines', async () => {
      const writer = await under.zone.begin()
      const { number } = await writer.append(linesOf([]))
      expect((await under.zone.batch(writer.incarnation, number))?.lines).toBe(0)
    })

    it('files hold every line, and their names are what batches say', async () => {
      const writer = await under.zone.begin()
      const { key } = await writer.append(linesOf(['a', 'b']))
      const files = await under.zone.files()
      expect(files.map((file) => file.key)).toContain(key)
    })
  })
}

import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSegmentRawZone } from '../src/index.ts'
import { contractOfRawZone, idsOf, linesOf } from './contract.ts'

contractOfRawZone('a folder of segments', async () => {
  const path = await mkdtemp(join(tmpdir(), 'raw-zone-'))
  let zone = await openSegmentRawZone({ path, segment_bytes: 300 })
  const opened = [zone]
  return {
    zone,
    die: async () => {
      zone = await openSegmentRawZone({ path, segment_bytes: 300 })
      opened.push(zone)
      return zone
    },
    end: async () => {
      for (const one of opened) await one.close()
      await rm(path, { recursive: true })
    },
  }
})

describe('a folder of segments', () => {
  let path: string
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'raw-zone-'))
  })
  afterEach(() => rm(path, { recursive: true }))

  async function written(ids: readonly string[]): Promise<{ incarnation: string; file: string; whole: Buffer }> {
    const zone = await openSegmentRawZone({ path })
    const writer = await zone.begin()
    for (const id of ids) await writer.append(linesOf([id]))
    await zone.close()
    const folder = join(path, writer.incarnation)
    const name = (await readdir(folder)).find((one) => one.endsWith('.ndjson')) ?? ''
    return { incarnation: writer.incarnation, file: join(folder, name), whole: await readFile(join(folder, name)) }
  }
  async function idsNow(incarnation: string): Promise<string[]> {
    const zone = await openSegmentRawZone({ path })
    const ids: string[] = []
    for (let number = 1; ; number++) {
      const batch = await zone.batch(incarnation, number)
      if (!batch) break
      ids.push(...idsOf(batch))
    }
    await zone.close()
    return ids
  }

  it('cut at any byte keeps every whole batch and nothing else', async () => {
    const { incarnation, file, whole } = await written(['one', 'two', 'three'])
    const ends = [...whole.toString('latin1').matchAll(/"crc32":\d+\}\n/g)].map(
      (match) => match.index + match[0].length,
    )
    for (let cut = 0; cut <= whole.length; cut++) {
      await writeFile(file, whole)
      await truncate(file, cut)
      expect(await idsNow(incarnation)).toEqual(
        ['one', 'two', 'three'].slice(0, ends.filter((end) => end <= cut).length),
      )
    }
  })

  it('a flipped bit in the last batch drops it; in an earlier one it is loud', async () => {
    const { incarnation, file, whole } = await written(['one', 'two'])
    const flipped = (at: number) => {
      const bytes = Buffer.from(whole)
      bytes[at] = (bytes[at] ?? 0) ^ 1
      return writeFile(file, bytes)
    }
    await flipped(whole.indexOf('two'))
    expect(await idsNow(incarnation)).toEqual(['one'])
    await flipped(whole.indexOf('one'))
    await expect(idsNow(incarnation)).rejects.toMatchObject({ code: 'corrupt' })
  })

  it('an incarnation that was finished stays finished when the zone is closed, and is not read through again', async () => {
    const zone = await openSegmentRawZone({ path })
    const writer = await zone.begin()
    await writer.append(linesOf(['one']))
    await writer.published(1)
    await writer.finish()
    await zone.close()
    const again = await openSegmentRawZone({ path })
    expect([await again.unfinished(), await again.heads()]).toEqual([
      [],
      [{ incarnation: writer.incarnation, head: 1, lines: 1 }],
    ])
    await again.close()
  })

  it('one that was cut off after it was finished serves what is whole and keeps its bytes', async () => {
    const zone = await openSegmentRawZone({ path })
    const writer = await zone.begin()
    for (const id of ['one', 'two']) await writer.append(linesOf([id]))
    await writer.finish()
    await zone.close()
    const file = join(path, writer.incarnation, '000000000000001.ndjson')
    const whole = await readFile(file)
    for (const cut of [whole.length - 1, whole.length - 10, whole.indexOf('two'), 1, 0]) {
      await writeFile(file, whole.subarray(0, cut))
      const kept = cut > whole.indexOf('two') - 50 ? ['one'] : []
      expect(await idsNow(writer.incarnation)).toEqual(kept)
      const again = await openSegmentRawZone({ path })
      expect((await again.heads())[0]).toMatchObject({ head: kept.length, lines: kept.length })
      expect((await again.files()).every(({ bytes }) => bytes <= cut)).toBe(true)
      await again.close()
      expect((await readFile(file)).length).toBe(cut)
    }
  })

  it('a lost index is made up for by the segment', async () => {
    const { incarnation, file } = await written(['one', 'two', 'three'])
    await rm(file.replace('.ndjson', '.index'))
    expect(await idsNow(incarnation)).toEqual(['one', 'two', 'three'])
  })

  it('text that looks like a trailer inside an event is only text', async () => {
    const zone = await openSegmentRawZone({ path })
    const writer = await zone.begin()
    const trailer = JSON.stringify(`{"batch":"${writer.incarnation}-1","lines":1,"bytes":1,"crc32":1}`)
    await writer.append((batch) => ({
      bytes: Buffer.from(`{"batch":"${batch}","line":0,"event_id":"x","event":${trailer}}\n`),
      lines: 1,
    }))
    await zone.close()
    expect(await idsNow(writer.incarnation)).toEqual(['x'])
  })
})

import { openMemoryStore } from '@sluice/object-store/memory-store'
import { expect, it } from 'vitest'
import { readSinkWish, sinkControl } from '../src/index.ts'

it('a pause is written down before it begins, and taken back when it ends', async () => {
  const objects = openMemoryStore()
  const seen: [string, boolean][] = []
  const note = async (what: string) => void seen.push([what, (await readSinkWish(objects, 'postgres')).paused])
  let forgets = false
  const control = sinkControl(objects, 'postgres', {
    state: () => ({ state: 'paused', error: 'why', tables: [] }),
    get forgets() {
      return forgets
    },
    pause: () => note('pause'),
    resume: () => note('resume'),
    reload: () => note('reload'),
  })
  expect((await readSinkWish(objects, 'postgres')).paused).toBe(false)
  await control.pause()
  await control.rebuild()
  await control.resume()
  expect(seen).toEqual([
    ['pause', true],
    ['reload', true],
    ['resume', false],
  ])
  expect((await readSinkWish(objects, 'neo4j')).paused).toBe(false)
  expect(await control.status()).toEqual({ state: 'paused', error: 'why' })
  forgets = true
  expect(await control.status(), 'a rebuild was asked for and has not begun').toEqual({
    state: 'rebuilding',
    error: 'why',
  })
})

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { writtenFile } from '../src/written-file.ts'

const OPENING_MS = 20
/** On a busy machine opening a file takes longer than a source takes to fail. */
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const open = (...call: Parameters<typeof fs.open>) => setTimeout(() => fs.open(...call), OPENING_MS)
  const createWriteStream = (path: string, options: object) =>
    fs.createWriteStream(path, { ...options, fs: { ...fs, open } })
  return { ...fs, createWriteStream }
})

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'written-file-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

it('has what was streamed', async () => {
  const path = join(folder, 'whole')
  await writtenFile(path, (file) => pipeline(['a', 'b'], file))
  expect(await readFile(path, 'utf8')).toBe('ab')
})

it('is not there if its source fails, at whatever moment', async () => {
  const failing = (bytes: number) =>
    async function* () {
      for (let i = 0; i < bytes; i++) yield 'x'
      throw new Error('cut')
    }
  const tries = Array.from({ length: 4 }, (_, i) =>
    writtenFile(join(folder, String(i)), (file) => pipeline(failing(i), file)),
  )
  const outcomes = await Promise.allSettled(tries)
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
  await sleep(5 * OPENING_MS)
  expect(await readdir(folder)).toEqual([])
})

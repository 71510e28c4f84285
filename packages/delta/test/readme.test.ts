import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { READER_FEATURES, WRITER_FEATURES } from '../src/protocol.ts'

const ROOT = join(import.meta.dirname, '..')
const text = readFileSync(join(ROOT, 'README.md'), 'utf8')
const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] ?? '')

it('the examples of the README print what they say', async () => {
  const program = blocks.join('\n')
  const expected = [...program.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map((match) => match[1])
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module-typescript', '-e', program], {
    cwd: ROOT,
  })
  expect(stdout.trim().split('\n')).toEqual(expected)
  expect(expected.length).toBe([...program.matchAll(/console\.log\(/g)].length)
})

it('the README names every supported feature', () => {
  const named = new Set(text.match(/[A-Za-z0-9]+/g))
  const supported = [...READER_FEATURES, ...WRITER_FEATURES].filter((feature) => !feature.endsWith('-preview'))
  expect(supported.filter((feature) => !named.has(feature))).toEqual([])
})

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

it('a process that is told to end while it starts ends in good order, and blames nothing', async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'slow-start.ts')])
  let errors = ''
  child.stderr.on('data', (text) => {
    errors += text
  })
  child.stdout.once('data', () => child.kill('SIGTERM'))
  const code = await new Promise((ended) => child.once('close', ended))
  expect([code, errors]).toEqual([0, ''])
})

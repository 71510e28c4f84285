import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../../..')

it('every process begins to answer last, so that whoever answers is ready', () => {
  const starts = ['services/*/src/*.ts', 'packages/server-parts/src/*.ts']
    .flatMap((pattern) => globSync(pattern, { cwd: root }))
    .map((path) => ({ path, text: readFileSync(resolve(root, path), 'utf8') }))
    .filter(({ text }) => /\bserve\(app,/.test(text))
  expect(starts.length).toBeGreaterThanOrEqual(5)
  for (const { path, text } of starts) {
    const after = text.slice(text.search(/\bserve\(app,/))
    expect(after, path).not.toMatch(/closers\s*\.open\(/)
  }
})

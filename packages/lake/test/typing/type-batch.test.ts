import { loadEventTypes } from '@sluice/events'
import { afterAll, describe, expect, it } from 'vitest'
import { openTypingWorld } from './typing-world.ts'

const types = await loadEventTypes()
const world = await openTypingWorld(types, 'Asia/Kolkata')
afterAll(() => world.close())

describe('a batch', () => {
  it('has the example of every type in its table', async () => {
    const examples = [...types.byType.values()].map(({ type, example }) => ({ type, text: JSON.stringify(example) }))
    const { batch, lines, rows } = await world.type(examples)
    expect(lines.map(({ reason, message }) => reason ?? message)).toEqual(examples.map(() => null))
    expect(batch).toMatchObject({ lines: examples.length, invalid: 0 })
    expect(batch.tables.map(({ type }) => type).sort()).toEqual([...types.byType.keys()].sort())
    expect(rows.size).toBe(examples.length)
    expect(lines.map(({ table_name }) => table_name)).toEqual([...types.byType.values()].map(({ table }) => table))
  })
})

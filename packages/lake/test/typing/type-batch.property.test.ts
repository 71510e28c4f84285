import type { EventType } from '@sluice/events'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { hostileEvent, hostileTypes } from './hostile-events.ts'
import { plainText, reference } from './reference.ts'
import { openTypingWorld, type Sent, type TypedRows } from './typing-world.ts'

const world = await openTypingWorld(hostileTypes, 'America/St_Johns')
afterAll(() => world.close())

/** What became of each event, comparable with the plain converter's. */
function outcomes(sent: readonly Sent[], { lines, rows }: TypedRows) {
  return sent.map(({ type }, seq) => {
    const { reason, field } = lines[seq] ?? {}
    if (reason !== null) return { reason, field }
    const definition: EventType | undefined = hostileTypes.get(type)
    const row = rows.get(seq) ?? {}
    const values = Object.fromEntries(Object.keys(definition?.fields ?? {}).map((name) => [name, positive(row[name])]))
    const extra = row['_extra']
    return { values, extra: typeof extra === 'string' ? plainText(extra) : null }
  })
}

/** -0 and 0 are the same content. */
const positive = (value: unknown) => (value === 0 ? 0 : value)

function expected(sent: readonly Sent[]) {
  return sent.map(({ type, text, form = 'event' }) => reference(hostileTypes.get(type), form, text))
}

describe('any events', () => {
  it('become what a plain converter makes of them, by SQL and by JavaScript, and hash by their content', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(hostileEvent, { minLength: 1, maxLength: 60 }), async (sent) => {
        const references = expected(sent)
        const plain = references.map((found) =>
          'values' in found ? { values: found.values, extra: found.extra } : found,
        )
        const bySql = await world.type(sent, { sql_from_rows: 0 })
        const exactly = await world.type(sent, { sql_from_rows: Number.POSITIVE_INFINITY })
        expect(outcomes(sent, bySql)).toEqual(plain)
        expect(outcomes(sent, exactly)).toEqual(plain)
        expect(exactly.lines).toEqual(bySql.lines)
        const hashes = new Map<string, unknown>()
        for (const [seq, found] of references.entries()) {
          if (!('content' in found)) continue
          const content = `${sent[seq]?.type} ${found.content}`
          const hash = bySql.lines[seq]?.['content_hash']
          expect(hashes.get(content) ?? hash).toBe(hash)
          hashes.set(content, hash)
        }
        expect(new Set(hashes.values()).size).toBe(hashes.size)
      }),
      { numRuns: 120, examples: [[[{ type: 'every"thing', text: '{"name":"a","\\u006eame":"\\ufeff"}' }]]] },
    )
  })
})

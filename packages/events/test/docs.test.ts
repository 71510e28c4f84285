import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { docsIndex, docsOf, loadEventTypes } from '../src/index.ts'

const folder = join(import.meta.dirname, '../../../docs/event-types')

describe('the docs pages of event types', () => {
  it('are what the definitions say (node scripts/event-docs.ts writes them)', async () => {
    const types = [...(await loadEventTypes()).byType.values()]
    const expected = new Map([
      ['README.md', docsIndex(types)],
      ...types.map((type): [string, string] => [`${type.type}.md`, docsOf(type)]),
    ])
    const written = await Promise.all(
      (await readdir(folder)).map(
        async (name): Promise<[string, string]> => [name, await readFile(join(folder, name), 'utf8')],
      ),
    )
    expect(new Map(written.sort())).toEqual(new Map([...expected].sort()))
  })

  it('show key, order, explosion, stores and an example that a shell takes', async () => {
    const types = await loadEventTypes()
    const post = docsOf(types.get('post')!)
    expect(post).toContain('one row a `post_id`, the newest wins (by `posted_at`, else `received_at`, then event_id)')
    expect(post).toContain('Table `post_media`: one row an item of `media`')
    expect(docsOf(types.get('viewing_log')!)).toContain('(User)-[:WATCHED {views, last_watched_at}]->(Movie)')
    expect(docsOf(types.get('click')!)).toContain('in the lake only')
    expect(docsOf({ ...types.get('click')!, example: { type: "it's" } })).toContain(`{"type":"it'\\''s"}`)
  })
})

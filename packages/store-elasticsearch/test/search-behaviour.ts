import type { ChangeBatch, Store } from '@sluice/store'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { movieRow, movies, postRow, posts } from './search-tables.ts'

export interface SearchBehaviour {
  name: string
  /** A new, empty store. */
  open(): Promise<{ store: Store; end(): Promise<void> }>
  document_limit_bytes: number
}

/** The first version of a table. */
export const first = (table: string, changes: ChangeBatch['changes']): ChangeBatch => ({
  table,
  expected: undefined,
  next: { table_id: 't1', version: 1 },
  changes,
})

/** What a search store finds and shows, embedded or on a server. */
export function behaviourOfSearchStore(contract: SearchBehaviour): void {
  describe(`${contract.name}: search`, () => {
    let store: Store
    let end: () => Promise<void>

    beforeEach(async () => {
      ;({ store, end } = await contract.open())
      await store.prepare([movies, posts])
    })
    afterEach(() => end())

    const found = async (text: string) =>
      (await store.ask('posts-about', { text }, 100)).rows.map((row) => row.post_id).sort()

    test('all words of a text must be there, in any case and accents', async () => {
      await store.apply(
        first('posts', [
          postRow('p1', 'Loved Amélie!\nMust see'),
          postRow('p2', 'loved Inception'),
          postRow('p3', 'बाहुबली is loud, mustn’t miss'),
          postRow('p4', '好看的電影👀'),
        ]),
      )
      expect(await found('AMELIE loved')).toEqual(['p1'])
      expect(await found('loved')).toEqual(['p1', 'p2'])
      expect(await found('loved nothing')).toEqual([])
      expect(await found('बाहुबली')).toEqual(['p3'])
      expect(await found("mustn't")).toEqual(['p3'])
      expect(await found('電影')).toEqual(['p4'])
      expect(await found('👀')).toEqual(['p4'])
    })

    test('a query is text, never search syntax', async () => {
      await store.apply(first('posts', [postRow('p1', 'harmless'), postRow('p2', 'c')]))
      for (const text of [
        '"',
        'a" OR "b',
        'NEAR(a b)',
        '*',
        'a*',
        '{c0} : x',
        'NOT a',
        '-a',
        '^a',
        "'; DROP TABLE doc_1;--",
        '\0',
        '',
        '(((',
        '\u{10ffff}',
      ])
        expect(await found(text), text).toEqual([])
    })

    test('a highlight marks the words and escapes everything else', async () => {
      await store.apply(
        first('posts', [postRow('p1', `<script>alert("Inception")</script> ${'x '.repeat(300)}inception`)]),
      )
      const [row] = (await store.ask('posts-about', { text: 'inception' }, 1)).rows
      expect(row?.highlight).toContain('&lt;script&gt;alert(&quot;<em>Inception</em>&quot;)')
      expect(row?.highlight).toContain(' … ')
      expect(row?.highlight).toContain('<em>inception</em>')
    })

    test('an actor is found by the whole name only', async () => {
      await store.apply(
        first('movies', [movieRow('m1', ["Lupita Nyong'o", 'A\0B']), movieRow('m2', ["lupita nyong'o", '"'])]),
      )
      const ask = async (actor: string) => (await store.ask('movies-with-actor', { actor }, 10)).rows
      expect(await ask("Lupita Nyong'o")).toEqual([
        { movie_id: 'm1', title: 'Film m1', cast: ["Lupita Nyong'o", 'A\0B'] },
      ])
      expect((await ask('A\0B')).length).toBe(1)
      expect(await ask('Lupita')).toEqual([])
      expect((await ask('"'))[0]?.movie_id).toBe('m2')
    })

    test('a newer row replaces the words and items of the older, and an older one never comes back', async () => {
      await store.apply(first('movies', [movieRow('m1', ['Old'], 'old words', 5)]))
      const step = (version: number, next: number, changes: ChangeBatch['changes']): ChangeBatch => ({
        table: 'movies',
        expected: { table_id: 't1', version },
        next: { table_id: 't1', version: next },
        changes,
      })
      await store.apply(step(1, 2, [movieRow('m1', ['New'], 'new words', 6)]))
      await store.apply(step(2, 3, [movieRow('m1', ['Old'], 'old words', 5)]))
      const by = async (text: string) => (await store.ask('movies-by-subtitle', { text }, 10)).rows.length
      expect([await by('old'), await by('new')]).toEqual([0, 1])
      await store.apply(step(3, 4, [{ ...movieRow('m1', [], null, 7), op: 'delete' }]))
      await store.apply(step(4, 5, [movieRow('m1', ['New'], 'new words', 6)]))
      expect([await by('old'), await by('new')]).toEqual([0, 0])
      expect(await store.inventory('movies', undefined, 10)).toEqual([])
    })

    test('a batch whose expectation is not the progress changes nothing', async () => {
      await store.apply(first('posts', [postRow('p1', 'one')]))
      const outcome = await store.apply(first('posts', [postRow('p2', 'two')]))
      expect(outcome).toEqual({ kind: 'superseded', actual: { table_id: 't1', version: 1 } })
      expect(await found('two')).toEqual([])
    })

    test('a row beyond the size limit is refused with its reason, the rest of its batch is stored', async () => {
      const outcome = await store.apply(
        first('posts', [postRow('big', 'x'.repeat(contract.document_limit_bytes + 1)), postRow('p2', 'two')]),
      )
      expect(outcome).toMatchObject({ kind: 'applied', refused: [{ identity: 'big', event_id: 'e-big-1' }] })
      expect((await store.refusals('posts', undefined, 10)).map((refusal) => refusal.identity)).toEqual(['big'])
      expect(await store.refusals('posts', 'big', 10)).toEqual([])
      expect((await store.inventory('posts', undefined, 10)).map((row) => row.identity)).toEqual(['p2'])
    })

    test('inventory pages in the order of UTF-8 bytes', async () => {
      const ids = ['z', '\u{1f600}', '\uff5e', 'a\0b', 'a', 'A', "'"]
      await store.apply(
        first(
          'posts',
          ids.map((id) => postRow(id, 'x')),
        ),
      )
      const pages: string[] = []
      for (let after: string | undefined; ; ) {
        const page = await store.inventory('posts', after, 2)
        if (page.length === 0) break
        pages.push(...page.map((row) => row.identity))
        after = pages.at(-1)
      }
      expect(pages).toEqual([...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
    })
  })
}

import { LakeTable } from '@sluice/lake'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeEngines } from './describe-engines.ts'
import type { PlainRow } from './engine-session.ts'
import { type LakeFolder, openLakeFolder, ourRows, selectOf, texts } from './lake-folder.ts'
import { COLUMNS, films, MOVIES, TYPES } from './movies.ts'

/** Keys of films as texts, so that what must be there is known without any engine. */
const keys = (...ranges: [from: number, to: number][]) =>
  ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, at) => `movie-${from + at}`)).sort()

await describeEngines('Tables that others write too', (session) => {
  for (const [engine, name] of [
    ['delta_rs', 'delta-rs'],
    ['spark', 'Spark'],
  ] as const)
    describe(name, () => {
      let folder: LakeFolder
      let table: LakeTable
      let path: string

      beforeAll(async () => {
        folder = await openLakeFolder()
        table = await LakeTable.create(folder.lake, { ...MOVIES, columns: COLUMNS })
        path = folder.pathOf(MOVIES.name)
        await table.append(selectOf(films(0, 100, 1), COLUMNS))
      })
      afterAll(() => folder.close())

      const theirs = async () => texts(await session.call<PlainRow[]>(engine, 'rows', { path }))
      const write = (call: string, parameters: Record<string, unknown>) =>
        session.call(engine, call, { path, ...parameters })

      /** Both read the same rows, of these keys, and our change feed leads from the version before to this one. */
      async function agree(expected: readonly string[]): Promise<void> {
        const before = table.view()
        const old = await ourRows(table, before)
        const view = await table.refresh()
        const rows = await ourRows(table, view)
        expect(view.version).toBeGreaterThan(before.version)
        expect(rows).toEqual(await theirs())
        expect(rows.map(keyOf).sort()).toEqual(expected)
        const byKey = new Map(old.map((row) => [keyOf(row), row]))
        for await (const chunk of table.changes(before.version, view.version))
          for (const { _change, _version, ...row } of chunk) {
            const [text = ''] = texts([row])
            if (_change === 'delete') byKey.delete(keyOf(text))
            else byKey.set(keyOf(text), text)
          }
        expect([...byKey.values()].sort()).toEqual(rows)
      }

      it('appends', async () => {
        await write('append', { rows: films(100, 120, 2), columns: TYPES })
        await agree(keys([0, 120]))
        await table.merge({ select: selectOf(films(90, 110, 3), COLUMNS) })
        expect(await ourRows(table)).toEqual(await theirs())
      })

      it('merges', async () => {
        await write('merge', { rows: films(110, 130, 4), columns: TYPES, key: 'movie_id' })
        await agree(keys([0, 130]))
        await table.update({ where: "event_id LIKE '%-4'" }, { title: "'ours'" })
        expect(await ourRows(table)).toEqual(await theirs())
      })

      it('deletes', async () => {
        await write('delete', { predicate: "event_id LIKE '%-3'" })
        await agree(keys([0, 90], [110, 130]))
        await table.delete({ column: 'movie_id', values: ['movie-0', 'movie-1'] })
        expect(await ourRows(table)).toEqual(await theirs())
      })

      it('optimizes, which is no change', async () => {
        await table.append(selectOf(films(200, 210, 5), COLUMNS))
        const { version } = table
        expect(Number(await session.call(engine, 'optimize', { path }))).toBeGreaterThan(1)
        await agree(keys([2, 90], [110, 130], [200, 210]))
        for await (const chunk of table.changes(version, table.version)) expect(chunk).toEqual([])
        await table.merge({ select: selectOf(films(205, 215, 6), COLUMNS) })
        expect(await ourRows(table)).toEqual(await theirs())
      })

      it('checkpoints, and we open the table by it', async () => {
        await session.call(engine, 'checkpoint', { path })
        const prefix = `lake/movies/_delta_log/${String(table.version).padStart(20, '0')}.checkpoint`
        const parts: string[] = []
        for await (const { key } of folder.lake.store.list(prefix)) parts.push(key)
        expect(parts.length).toBe(1)
        const opened = await LakeTable.open(folder.lake, MOVIES)
        expect(opened.version).toBe(table.version)
        expect(await ourRows(opened)).toEqual(await theirs())
        // Nothing but the checkpoint tells what was before.
        for (let version = 0; version < table.version; version++)
          await folder.lake.store.delete([`lake/movies/_delta_log/${String(version).padStart(20, '0')}.json`])
        expect(await ourRows(await LakeTable.open(folder.lake, MOVIES))).toEqual(await theirs())
      })

      it('adds a column, which we write too', async () => {
        await write('add_column', { name: 'country', kind: 'string' })
        await table.refresh()
        const wider = [...COLUMNS, { name: 'country', type: 'string' }] as const
        expect(table.columns.map((column) => column.name)).toEqual(wider.map((column) => column.name))
        const rows = films(0, 20, 7).map((row) => ({ ...row, country: 'xx' }))
        await table.merge({ select: selectOf(rows, wider) })
        await write('append', {
          rows: films(300, 310, 8).map((row) => ({ ...row, country: 'yy' })),
          columns: { ...TYPES, country: 'string' },
        })
        await agree(keys([0, 90], [110, 130], [200, 215], [300, 310]))
        expect((await ourRows(table)).filter((row) => row.includes('["country",')).length).toBe(30)
      })
    })
})

function keyOf(row: string): string {
  const members = new Map(JSON.parse(row) as [string, string][])
  return members.get('movie_id') ?? ''
}

import { loadEventTypes } from '@sluice/events'
import { expect, it } from 'vitest'
import { DuckdbError } from '../src/duckdb/index.ts'
import { explosionIsBehind, followExplosion } from '../src/explosion.ts'
import { Lake } from '../src/lake.ts'
import { LEDGER_TXN } from '../src/ledger/index.ts'
import { type LakeTable, sqlType } from '../src/table/index.ts'
import { type LakeWorld, openWorld } from './table/lake-world.ts'

/** posts and post_media of a lake, and what fills and follows them. */
async function openPosts(world: LakeWorld) {
  const types = await loadEventTypes()
  const lake = await Lake.open(world.lake, types)
  const type = types.byTable.get('posts') ?? expect.fail('there is such a type')
  const source = lake.table('posts') ?? expect.fail('there is such a table')
  const target = lake.table('post_media') ?? expect.fail('there is such a table')
  const put = async (table: LakeTable, id: number) => {
    const values: Record<string, string> = { post_id: `'p${id}'`, media: `['a${id}', 'b']`, event_id: `'e${id}'` }
    const columns = table.columns.map(
      (column) => `${values[column.name] ?? 'NULL'}::${sqlType(column.type)} AS "${column.name}"`,
    )
    const txn = { appId: LEDGER_TXN, version: id, after: id === 1 ? -1 : id - 1 }
    await table.merge({ select: `SELECT ${columns.join(', ')}` }, { txn })
  }
  const follow = (table: LakeTable) => followExplosion({ type, source: table, target, sha256Of: async () => undefined })
  return { types, source, target, put, follow }
}

it('an exploded table follows a source whose versions were cleaned up while it was at rest, and is not behind before', async () => {
  const world = await openWorld('memory')
  try {
    const { types, source, target, put, follow } = await openPosts(world)
    for (const id of [1, 2]) await put(source, id)
    await follow(source)
    const followed = source.version
    for (let i = 0; i < 2; i++) await source.optimize()
    expect(source.version).toBe(followed + 2)
    expect(await explosionIsBehind({ source, target })).toBe(false)

    await source.delta.writeCheckpoint(source.snapshot)
    const log = await Array.fromAsync(world.store.list(source.key('_delta_log/')))
    const old = log.filter(({ key }) => Number(/(\d{20})\.json$/.exec(key)?.[1] ?? source.version) < source.version)
    await world.store.delete(old.map(({ key }) => key))
    const again = (await Lake.open(world.lake, types)).table('posts') ?? expect.fail('there is such a table')
    await expect(again.at({ version: followed })).rejects.toMatchObject({ code: 'version_gone' })
    expect(await explosionIsBehind({ source: again, target })).toBe(false)

    await put(again, 3)
    await follow(again)
    expect([again.view().rowCount(), target.view().rowCount()]).toEqual([3, 6])
  } finally {
    await world.close()
  }
})

it('fewer versions are taken at once where there is not the memory for more', async () => {
  const world = await openWorld('memory')
  try {
    const { source, target, put, follow } = await openPosts(world)
    await put(source, 1)
    await follow(source)
    for (const id of [2, 3, 4, 5, 6]) await put(source, id)
    const changes = source.changes.bind(source)
    let most = 2
    const asked: number[] = []
    source.changes = (from, to, options) => {
      asked.push(to - from)
      if (to - from > most) throw new DuckdbError('out_of_memory', 'the memory is used up')
      return changes(from, to, options)
    }
    await follow(source)
    expect(asked).toEqual([5, 2, 2, 1])
    expect(target.view().rowCount()).toBe(12)
    most = 0
    await put(source, 7)
    await expect(follow(source)).rejects.toMatchObject({ code: 'out_of_memory' })
    expect(asked).toEqual([5, 2, 2, 1, 1])
  } finally {
    await world.close()
  }
})

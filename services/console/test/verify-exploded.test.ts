import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadEventTypes } from '@sluice/events'
import { openDatabase } from '@sluice/lake'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type TableReading, VersionGone } from '../src/lake-reader.ts'
import { TrustedSql } from '../src/trusted-sql.ts'
import { isExploded, verifyExploded } from '../src/verify/exploded.ts'

let folder: string
let sql: TrustedSql
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verify-exploded-'))
  sql = new TrustedSql(
    await openDatabase({ memory_limit_bytes: 128 * 1024 ** 2, threads: 1, temporary_path: join(folder, 'duckdb') }),
  )
})
afterEach(async () => {
  await sql.close()
  await rm(folder, { recursive: true })
})

const reading = (
  name: string,
  version: number,
  relation: string,
  txns: Readonly<Record<string, number>>,
): TableReading => ({
  name,
  table_id: `id-${name}`,
  version,
  timestamp_ms: 0,
  columns: [],
  paths: [],
  relation,
  files: [],
  small_files: 0,
  txn: (app) => txns[app] ?? -1,
})

const POSTS = `(VALUES ('p1', ['a.jpg', 'b.jpg']), ('p2', NULL), ('p3', []), ('p4', ['a.jpg', 'a.jpg']))  AS t(post_id, media)`
const media = (...rows: string[]) =>
  `(VALUES ${rows.join(', ')}) AS t(post_id, "position", name) WHERE post_id IS NOT NULL`
const P1 = [`('p1', 0, 'a.jpg')`, `('p1', 1, 'b.jpg')`]
const P4 = [`('p4', 0, 'a.jpg')`, `('p4', 1, 'a.jpg')`]

interface Lake {
  /** Versions of posts, by number; those that are not there are gone. */
  posts: Readonly<Record<number, TableReading>>
  media: () => TableReading
}

async function verified({ posts, media }: Lake, ledger_txn = 7) {
  const type = (await loadEventTypes({})).byType.get('post')
  if (!type || !isExploded(type)) throw new Error('the type post explodes into no table')
  const newest = Math.max(...Object.keys(posts).map(Number))
  const lake = {
    async open(name: string, asOf?: object) {
      if (name === 'post_media') return media()
      const version = asOf && 'version' in asOf ? Number(asOf.version) : newest
      const found = posts[version]
      if (!found) throw new VersionGone(`version ${version} was cleaned up`)
      return found
    },
  }
  const cut = {
    ledger: reading('ledger', 0, '', {}),
    tables: new Map([['posts', reading('posts', 3, POSTS, { ledger: ledger_txn })]]),
  }
  return verifyExploded(type, cut, { lake, sql, sleep: async () => undefined })
}

const posts = reading('posts', 3, POSTS, { ledger: 7 })
const at = (version: number, relation: string) => () =>
  reading('post_media', 9, relation, { 'source/id-posts': version })

describe('verify of an exploded table', () => {
  it('is content with one row an item of each list', async () => {
    const report = await verified({ posts: { 3: posts }, media: at(3, media(...P1, ...P4)) })
    expect(report).toEqual({
      table: 'post_media',
      version: 9,
      stored: 4,
      superseded: 0,
      rows: 4,
      missing: 0,
      extra: 0,
      ids: { missing: [], extra: [] },
    })
  })

  it('names a row that is missing, one that is too much, one that is there twice, and one of another name', async () => {
    const odd = media(...P1.slice(1), ...P1.slice(1), ...P4.slice(0, 1), `('p4', 1, 'c.jpg')`, `('p5', 0, 'd.jpg')`)
    const report = await verified({ posts: { 3: posts }, media: at(3, odd) })
    expect(report).toMatchObject({ rows: 5, missing: 2, extra: 3 })
    expect(report.ids.missing.sort()).toEqual(['p1/0', 'p4/1'])
    expect(report.ids.extra.sort()).toEqual(['p1/1', 'p4/1', 'p5/0'])
  })

  it('compares with the version of the source that the table has followed to', async () => {
    const later = reading('posts', 4, `(VALUES ('p1', ['x.jpg'])) AS t(post_id, media)`, { ledger: 8 })
    const report = await verified({ posts: { 3: posts, 4: later }, media: at(3, media(...P1, ...P4)) })
    expect(report).toMatchObject({ missing: 0, extra: 0 })
  })

  it('compares with the newest version where the followed one was cleaned up', async () => {
    const report = await verified({ posts: { 3: posts }, media: at(2, media(...P1)) })
    expect(report).toMatchObject({ missing: 2, extra: 0 })
  })

  it('waits for a table that has not followed to the cut, and says so if it never does', async () => {
    const older = reading('posts', 2, `(VALUES ('p1', ['x.jpg'])) AS t(post_id, media)`, { ledger: 6 })
    let asked = 0
    const growing = () => (++asked < 3 ? at(2, media(`('p1', 0, 'x.jpg')`)) : at(3, media(...P1, ...P4)))()
    expect(await verified({ posts: { 2: older, 3: posts }, media: growing })).toMatchObject({ missing: 0, extra: 0 })
    const stuck = verified({ posts: { 2: older, 3: posts }, media: at(2, media(`('p1', 0, 'x.jpg')`)) })
    await expect(stuck).rejects.toThrow('post_media did not catch up with posts')
  })
})

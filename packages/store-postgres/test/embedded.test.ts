import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openStore } from '../src/embedded.ts'
import { embeddedUnderTest, emptyFolder } from './embedded-folder.ts'
import { ask, change, load, tableNamed } from './sql-tables.ts'

const subscriptions = tableNamed('subscriptions')
const posts = tableNamed('posts')
const active = (subscription_id: string, version = 1) =>
  change(subscriptions, { subscription_id, status: 'active' }, version)

describe('the folder', () => {
  test('a second opener is refused as busy, until the first has closed', async () => {
    const under = await embeddedUnderTest()
    onTestFinished(under.end)
    await expect(openStore({ folder: under.folder })).rejects.toMatchObject({ code: 'busy', retryable: true })
    await under.reopen()
    expect(await under.store.progress()).toEqual({})
  })

  test.each<[string, (data: string) => void]>([
    ['cut off', (data) => truncateSync(join(data, 'global', 'pg_control'), 100)],
    ['overwritten', (data) => writeFileSync(join(data, 'global', 'pg_control'), Buffer.alloc(8192, 7))],
    ['of another version', (data) => writeFileSync(join(data, 'PG_VERSION'), '16\n')],
    ['without its log', (data) => rmSync(join(data, 'pg_wal'), { recursive: true })],
  ])('a database that is %s is corrupt, and its folder can be moved away', async (_, damage) => {
    const folder = await emptyFolder()
    onTestFinished(() => rmSync(folder, { recursive: true }))
    damage(join(folder, 'pgdata'))
    await expect(openStore({ folder })).rejects.toMatchObject({ code: 'corrupt', retryable: false })
    rmSync(folder, { recursive: true })
    const store = await openStore({ folder })
    expect(await store.progress()).toEqual({})
    await store.close()
  })

  test('what a kill left half made is made anew', async () => {
    const folder = await emptyFolder()
    onTestFinished(() => rmSync(folder, { recursive: true }))
    rmSync(join(folder, 'complete'))
    rmSync(join(folder, 'pgdata', 'global', 'pg_control'))
    const store = await openStore({ folder })
    expect(await store.progress()).toEqual({})
    await store.close()
  })
})

test('a page that does not match its checksum is found, and the next open says corrupt', async () => {
  const under = await embeddedUnderTest()
  await under.store.prepare([subscriptions])
  await load(
    under.store,
    'subscriptions',
    Array.from({ length: 200 }, (_, i) => active(`s${i}`)),
  )
  const [file] = await under.select(`SELECT pg_relation_filepath('subscriptions')::text AS path`)
  await under.store.close()
  writeFileSync(join(under.folder, 'pgdata', String(file?.['path'])), Buffer.alloc(8192, 1), { flag: 'r+' })
  under.store = await openStore({ folder: under.folder })
  await expect(ask(under.store, 'subscription-status')).rejects.toMatchObject({ code: 'corrupt' })
  await under.store.close()
  await expect(openStore({ folder: under.folder })).rejects.toMatchObject({ code: 'corrupt' })
  rmSync(under.folder, { recursive: true })
})

describe('an engine that fails', () => {
  let under: Awaited<ReturnType<typeof embeddedUnderTest>>
  let engine: PGlite
  beforeEach(async () => {
    const created = vi.spyOn(PGlite, 'create')
    under = await embeddedUnderTest()
    engine = (await created.mock.results.at(-1)?.value) as PGlite
    created.mockRestore()
    await under.store.prepare([subscriptions])
    await load(under.store, 'subscriptions', [active('before')])
  })
  afterEach(() => under.end())

  /** Has writes to files whose path matches fail, as a full disk does. */
  function failWrites(path: RegExp, errno: number): void {
    const operations = fileOperations(engine)
    const { write } = operations
    operations.write = (stream, ...rest) => {
      if (path.test(stream.path)) throw new engine.Module.FS.ErrnoError(errno)
      return write?.(stream, ...rest)
    }
  }
  const NO_SPACE = 51

  test('because its log cannot be written is started again and has all that was applied', async () => {
    failWrites(/pg_wal/, NO_SPACE)
    await expect(load(under.store, 'subscriptions', [active('lost')])).rejects.toMatchObject({ retryable: true })
    expect((await load(under.store, 'subscriptions', [active('after')])).kind).toBe('applied')
    expect((await under.store.inventory('subscriptions', undefined, 10)).map((row) => row.identity)).toEqual([
      'after',
      'before',
    ])
  })

  test('for a table that cannot grow says no_space, and goes on', async () => {
    const rows = Array.from({ length: 3000 }, (_, i) => active(`row-${i}`))
    failWrites(/\/base\//, NO_SPACE)
    await expect(load(under.store, 'subscriptions', rows)).rejects.toMatchObject({ code: 'no_space', retryable: true })
    expect((await under.store.inventory('subscriptions', undefined, 10)).length).toBe(1)
  })
})

test('commits reach the disk: a transaction syncs the log', async () => {
  const created = vi.spyOn(PGlite, 'create')
  const under = await embeddedUnderTest()
  onTestFinished(under.end)
  const engine = (await created.mock.results.at(-1)?.value) as PGlite
  created.mockRestore()
  await under.store.prepare([subscriptions])
  const operations = fileOperations(engine)
  const { fsync } = operations
  const synced: string[] = []
  operations.fsync = (stream) => {
    synced.push(stream.path)
    return fsync?.(stream)
  }
  await load(under.store, 'subscriptions', [active('s')])
  expect(synced).toContainEqual(expect.stringContaining('pg_wal'))
})

test('kill -9 in the middle of loading loses nothing that was applied, and nothing is half there', async () => {
  const folder = await emptyFolder()
  onTestFinished(() => rmSync(folder, { recursive: true }))
  let applied = 0
  for (let life = 0; life < 3; life++) {
    const child = fork(join(import.meta.dirname, 'loading-child.ts'), [folder], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const enough = applied + 5 + 7 * life
    child.on('message', (version: number) => {
      applied = version
      if (version >= enough) child.kill('SIGKILL')
    })
    await once(child, 'exit')
    expect(applied).toBeGreaterThanOrEqual(enough)
    const store = await openStore({ folder })
    const version = (await store.progress())['subscriptions']?.version ?? 0
    expect(version).toBeGreaterThanOrEqual(applied)
    expect((await store.inventory('subscriptions', undefined, 100_000)).length).toBe(version * 50)
    await store.close()
  }
})

test('the write-ahead log and dead rows stay bounded while rows are replaced again and again', async () => {
  const under = await embeddedUnderTest()
  onTestFinished(under.end)
  await under.store.prepare([posts])
  let random = 1
  const noise = () => {
    random = (random * 48271) % 2147483647
    return random.toString(36)
  }
  for (let version = 1; version <= 60; version++) {
    const content = Array.from({ length: 300 }, noise).join('')
    const rows = Array.from({ length: 1500 }, (_, i) =>
      change(posts, { post_id: `p${i}`, content: `${i}${content}` }, version),
    )
    await load(under.store, 'posts', rows)
  }
  const log = join(under.folder, 'pgdata', 'pg_wal')
  const bytes = readdirSync(log).reduce((sum, name) => sum + statSync(join(log, name)).size, 0)
  expect(bytes).toBeLessThan(250 * 1024 ** 2)
  const [table] = await under.select(`SELECT pg_total_relation_size('posts')::bigint AS bytes`)
  expect(Number(table?.['bytes'])).toBeLessThan(60 * 1024 ** 2)
})

type FileOperation = (stream: { path: string }, ...rest: unknown[]) => unknown

/** What PGlite calls for its open files. */
function fileOperations(engine: PGlite): Record<string, FileOperation> {
  const files: object = engine.Module.NODEFS
  if (!('stream_ops' in files)) throw new Error('expected the operations of a file system')
  return files.stream_ops as Record<string, FileOperation>
}

import { cpSync, existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import type { Row, Store } from '@sluice/store'
import { afterAll } from 'vitest'
import { openStore } from '../src/embedded.ts'

const MEMORY_FOLDER = '/dev/shm'
const ROOM_BYTES = 2 * 1024 ** 3
/** In memory where there is room: hundreds of megabytes of copies are no test of a disk. */
const FOLDER = existsSync(MEMORY_FOLDER) && freeBytes(MEMORY_FOLDER) > ROOM_BYTES ? MEMORY_FOLDER : tmpdir()

let template: Promise<string> | undefined
let templateFolder: string | undefined

afterAll(() => {
  if (templateFolder) rmSync(templateFolder, { recursive: true })
})

/** A folder with an empty store: a copy of one, since making one takes PGlite a second or two. */
export async function emptyFolder(): Promise<string> {
  template ??= (async () => {
    const folder = mkdtempSync(join(FOLDER, 'sluice-postgres-template-'))
    templateFolder = folder
    await (await openStore({ folder })).close()
    return folder
  })()
  const folder = mkdtempSync(join(FOLDER, 'sluice-postgres-'))
  cpSync(await template, folder, { recursive: true })
  return folder
}

/** A store in such a folder, with what tests do to it. */
export async function embeddedUnderTest() {
  const folder = await emptyFolder()
  const under = {
    folder,
    store: await openStore({ folder }),
    async reopen(): Promise<Store> {
      await under.store.close()
      under.store = await openStore({ folder })
      return under.store
    },
    async select(sql: string): Promise<Row[]> {
      // A copy of the files while the store is open is what a kill would leave.
      const copy = mkdtempSync(join(FOLDER, 'sluice-postgres-copy-'))
      cpSync(folder, copy, { recursive: true })
      const rows = await selectFrom(copy, sql)
      rmSync(copy, { recursive: true })
      return rows
    },
    async end(): Promise<void> {
      await under.store.close()
      rmSync(folder, { recursive: true })
    },
  }
  return under
}

const asText = (text: string): string => text
const BOOL_INT8_INT4_FLOAT8_NUMERIC = [16, 20, 23, 701, 1700]

/** Rows of a closed store, read by PGlite alone; values as PostgreSQL's text. */
export async function selectFrom(folder: string, sql: string): Promise<Row[]> {
  const engine = await PGlite.create({ dataDir: join(folder, 'pgdata') })
  try {
    await engine.exec('SET search_path = sluice')
    const parsers = Object.fromEntries(BOOL_INT8_INT4_FLOAT8_NUMERIC.map((type) => [type, asText]))
    return (await engine.query<Row>(sql, [], { parsers })).rows
  } finally {
    await engine.close()
  }
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

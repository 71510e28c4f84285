import { open, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RawZoneError } from '../raw-zone.ts'

/** What is kept of an incarnation beside its segments. */
export interface IncarnationFile {
  /** Every batch up to this number is on the log. */
  published: number
  /** Set when it ended and all of it is on the log. */
  finished?: { head: number; lines: number }
}

const NAME = 'incarnation.json'

export async function readState(folder: string): Promise<IncarnationFile> {
  try {
    return JSON.parse(await readFile(join(folder, NAME), 'utf8'))
  } catch (error) {
    // An incarnation that died before its first write of it has published nothing.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { published: 0 }
    throw new RawZoneError(
      'corrupt',
      `${join(folder, NAME)} cannot be read: remove it to publish the incarnation again from its start (nothing is doubled by that)`,
      { cause: error },
    )
  }
}

export async function writeState(folder: string, state: IncarnationFile): Promise<void> {
  const path = join(folder, NAME)
  await writeFile(`${path}.new`, JSON.stringify(state), { flush: true })
  await rename(`${path}.new`, path)
  await syncFolder(folder)
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

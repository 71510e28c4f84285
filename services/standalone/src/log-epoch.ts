import { randomUUID } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Names the life of the event log in a folder: the ledger's offsets belong to it. A log whose folder was lost begins
 * another life, and is filled again from the raw zone.
 * @returns `fresh` if the log begins its life now; it counts once `keep` was called
 */
export async function logEpoch(folder: string): Promise<{ epoch: string; fresh: boolean; keep(): Promise<void> }> {
  const path = join(folder, 'epoch.json')
  const known = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (known !== undefined) {
    const { epoch }: { epoch: string } = JSON.parse(known)
    return { epoch, fresh: false, keep: async () => {} }
  }
  const epoch = randomUUID()
  return {
    epoch,
    fresh: true,
    async keep() {
      const file = await open(`${path}.new`, 'w')
      await file.writeFile(JSON.stringify({ epoch }))
      await file.sync()
      await file.close()
      await rename(`${path}.new`, path)
      const directory = await open(folder, 'r')
      await directory.sync()
      await directory.close()
    },
  }
}

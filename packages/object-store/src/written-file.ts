import { createWriteStream, type WriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'

/** Writes a new file by a stream. Where that fails there is none afterwards. */
export async function writtenFile(
  path: string,
  write: (file: WriteStream) => Promise<void>,
  options: { flags?: 'w' | 'wx'; flush?: boolean } = {},
): Promise<void> {
  const file = createWriteStream(path, options)
  try {
    await write(file)
  } catch (error) {
    file.destroy()
    // One that is still being opened would come to be after it was removed.
    if (!file.closed) await new Promise((resume) => file.once('close', resume))
    const is_anothers = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    if (!is_anothers) await rm(path, { force: true })
    throw error
  }
}

import { open } from 'node:fs/promises'
import { DeltaError, type StructType } from '@sluice/delta'
import { type FileEnd, requireFit } from '@sluice/delta/file-fit'
import { LakeError } from './lake-error.ts'

/** Names that this package gives its files: what it wrote it reads. */
const OURS = /(?:^|\/)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.parquet$/
const FILES_AT_ONCE = 32

/** Files are never changed: those found fit for a schema remain so. */
const fit = new WeakMap<StructType, Set<string>>()

/**
 * Files of other engines may hold other types than the table says, which DuckDB would cast, or count days otherwise (see
 * `requireFit`). Throws `unsupported`, `version_gone`.
 * @param local paths of the files on this machine
 */
export async function requireForeignFit(
  schema: StructType,
  files: readonly { path: string }[],
  local: readonly string[],
): Promise<void> {
  const known = fit.get(schema) ?? new Set<string>()
  fit.set(schema, known)
  const foreign = files.flatMap(({ path }, at) => (OURS.test(path) || known.has(path) ? [] : [{ path, at }]))
  for (let start = 0; start < foreign.length; start += FILES_AT_ONCE)
    await Promise.all(
      foreign.slice(start, start + FILES_AT_ONCE).map(async ({ path, at }) => {
        await requireOne(schema, path, local[at] ?? '')
        known.add(path)
      }),
    )
}

async function requireOne(schema: StructType, path: string, local: string): Promise<void> {
  const file = await open(local, 'r').catch((cause: unknown) => {
    throw new LakeError('version_gone', `file ${path.slice(0, 200)} was cleaned up; read the newest version`, { cause })
  })
  try {
    const { size } = await file.stat()
    const end: FileEnd = {
      byteLength: size,
      async slice(start, to = size) {
        const bytes = new Uint8Array(new ArrayBuffer(to - start))
        await file.read(bytes, 0, bytes.length, start)
        return bytes.buffer
      },
    }
    await requireFit(end, schema, path.slice(0, 200))
  } catch (cause) {
    if (cause instanceof DeltaError) throw new LakeError('unsupported', cause.message, { cause })
    throw cause
  } finally {
    await file.close()
  }
}

import type { ObjectStore } from '@sluice/object-store'
import { z } from 'zod'

const pointer = z.object({ sha256: z.string() })

/** Key of the object that says what a medium's name stands for now. */
export const mediaNameKey = (name: string): string => `media/names/${name}`

/** SHA-256 of the medium that a name stands for; `undefined` if nothing was put under it, or it can be no name. */
export async function sha256OfMedia(store: ObjectStore, name: string): Promise<string | undefined> {
  if (!isMediaName(name)) return undefined
  const bytes = await store.get(mediaNameKey(name))
  return bytes && pointer.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))).sha256
}

/** Names are object keys; posts may hold any text where a name should be. */
function isMediaName(name: string): boolean {
  return (
    Buffer.byteLength(name) <= 900 &&
    !name.includes('\0') &&
    name.isWellFormed() &&
    name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  )
}

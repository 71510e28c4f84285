import type { ObjectStore } from '@sluice/object-store'

/** An object store that is not to be touched. */
export function noObjectStore(): ObjectStore {
  const refuse = () => {
    throw new Error('the object store was touched')
  }
  return {
    location: 'none',
    get: refuse,
    read: refuse,
    head: refuse,
    put: refuse,
    putIfAbsent: refuse,
    replaceIfMatch: refuse,
    putFile: refuse,
    write: refuse,
    list: refuse,
    delete: refuse,
    copy: refuse,
    localPath: refuse,
    close: refuse,
  }
}

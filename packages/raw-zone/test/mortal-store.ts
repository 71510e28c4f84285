import type { ObjectStore } from '@sluice/object-store'

/** A process's view of a store. After `die` nothing it asks for is done or answered, as for a process that is gone. */
export function mortalStore(store: ObjectStore): { store: ObjectStore; die: () => void } {
  let dead = false
  const alive = <T>(work: () => Promise<T>): Promise<T> =>
    dead
      ? new Promise<never>(() => undefined)
      : work().then((result) => (dead ? new Promise<never>(() => undefined) : result))
  return {
    store: {
      location: store.location,
      get: (key, range) => alive(() => store.get(key, range)),
      read: (key, range) => alive(() => store.read(key, range)),
      head: (key) => alive(() => store.head(key)),
      put: (key, bytes, options) => alive(() => store.put(key, bytes, options)),
      putIfAbsent: (key, bytes, options) => alive(() => store.putIfAbsent(key, bytes, options)),
      replaceIfMatch: (key, bytes, etag) => alive(() => store.replaceIfMatch(key, bytes, etag)),
      putFile: (key, path) => alive(() => store.putFile(key, path)),
      write: (key, source, options) => alive(() => store.write(key, source, options)),
      async *list(prefix, options) {
        for await (const info of store.list(prefix, options)) yield await alive(async () => info)
      },
      delete: (keys) => alive(() => store.delete(keys)),
      copy: (from, to) => alive(() => store.copy(from, to)),
      localPath: (key) => alive(() => store.localPath(key)),
      close: async () => undefined,
    },
    die: () => {
      dead = true
    },
  }
}

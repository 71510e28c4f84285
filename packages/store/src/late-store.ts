import type { Store, StoreName } from './store.ts'

/**
 * A store whose server may be away at start: opened by the first call that needs it, and again by the next one if that
 * failed. What opening throws is what the call throws.
 */
export function lateStore(name: StoreName, open: () => Promise<Store>): Store {
  let opening: Promise<Store> | undefined
  let closed = false
  const opened = () => {
    if (closed) return Promise.reject(new Error(`the ${name} store was closed`))
    opening ??= open().catch((error: unknown) => {
      opening = undefined
      throw error
    })
    return opening
  }
  return {
    name,
    prepare: async (tables) => (await opened()).prepare(tables),
    progress: async () => (await opened()).progress(),
    apply: async (batch) => (await opened()).apply(batch),
    forget: async (table) => (await opened()).forget(table),
    refusals: async (table, after, limit) => (await opened()).refusals(table, after, limit),
    inventory: async (table, after, limit) => (await opened()).inventory(table, after, limit),
    ask: async (question, parameters, limit) => (await opened()).ask(question, parameters, limit),
    async close() {
      closed = true
      // One that could not be opened has nothing to close.
      const store = await opening?.catch(() => undefined)
      await store?.close()
    },
  }
}

import type { EventLog } from '@sluice/event-log'

/** A log whose brokers may be away: opened by the first call that needs it, and again by the next one if that failed. */
export function lateLog(open: () => Promise<EventLog>): EventLog {
  let opening: Promise<EventLog> | undefined
  const opened = () => {
    opening ??= open().catch((error: unknown) => {
      opening = undefined
      throw error
    })
    return opening
  }
  return {
    ensureTopic: async (topic, options) => (await opened()).ensureTopic(topic, options),
    offsets: async (topic) => (await opened()).offsets(topic),
    identity: async (topic) => (await opened()).identity(topic),
    producer: async () => (await opened()).producer(),
    consumer: async (options) => (await opened()).consumer(options),
    truncate: async (topic, before, options) => (await opened()).truncate(topic, before, options),
    async close() {
      // One that could not be opened has nothing to close.
      const log = await opening?.catch(() => undefined)
      await log?.close()
    },
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { LogError } from '@sluice/event-log'
import { ObjectStoreError } from '@sluice/object-store'
import { isPassing, type Logger } from '@sluice/service'
import { StoreError } from '@sluice/store'

/** A server that says nothing for this long is waited for like one that is away. */
const ANSWER_WITHIN_MS = 10_000
const LOOK_AGAIN_MS = 1_000

/**
 * The first look at a server when a process starts. What it refuses for good (credentials, an old version) ends the
 * start with one line; a server that is away may come, and is waited for: one line in the log says so.
 *
 * @param settings those that the server is named by, for whoever reads the line
 */
export async function firstLook(
  look: () => Promise<unknown>,
  settings: string,
  { logger, within_ms = ANSWER_WITHIN_MS }: { logger: Logger; within_ms?: number },
): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer for ${within_ms / 1000} s`), within_ms)
  })
  try {
    const silent = await Promise.race([look().then(() => undefined), silence])
    if (silent !== undefined) logger.warn(`${silent}; it is waited for; see ${settings}`)
  } catch (error) {
    if (!isPassing(error)) throw toldWith(settings, error)
    logger.warn(`${messageOf(error)}; it is waited for; see ${settings}`)
  } finally {
    clearTimeout(timer)
  }
}

/** An error of a server, with the settings that it may be about; any other as it is. */
export function toldWith(settings: string, error: unknown): unknown {
  if (error instanceof StoreError || error instanceof LogError || error instanceof ObjectStoreError)
    return Object.assign(error, { message: `${error.message}; see ${settings}` })
  return error
}

/** Does the work as soon as the server that it needs is there. What is no passing fault is thrown. */
export async function whenThere<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isPassing(error)) throw error
      await sleep(LOOK_AGAIN_MS)
    }
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkEventType, EventTypeError } from './define.ts'
import type { EventType } from './event-type.ts'
import { EventTypes } from './event-types.ts'

const BUILT_IN = join(import.meta.dirname, 'types')

/**
 * The built-in event types, and those of a folder of the user's own: one file a type (.ts, .js or .mjs), its default
 * export made by `defineEventType`. Files that begin with a dot or an underscore and tests are left out.
 * @throws EventTypeError that names the file
 */
export async function loadEventTypes(options: { folder?: string } = {}): Promise<EventTypes> {
  const types = await typesIn(BUILT_IN)
  return new EventTypes(options.folder ? [...types, ...(await typesIn(resolve(options.folder)))] : types)
}

async function typesIn(folder: string): Promise<EventType[]> {
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    throw new EventTypeError(`SLUICE_EVENT_TYPES: expected a folder of event types; ${folder} cannot be read: ${messageOf(error)}`)
  }
  const files = names.filter((name) => /^[^._].*\.(ts|js|mjs)$/.test(name) && !/\.(test|d)\.ts$/.test(name)).sort()
  return Promise.all(files.map((name) => loadFile(join(folder, name))))
}

async function loadFile(path: string): Promise<EventType> {
  let module: Record<string, unknown>
  try {
    module = await import(pathToFileURL(path).href)
  } catch (error) {
    throw new EventTypeError(`${path}: expected a module that can be loaded: ${messageOf(error)}`)
  }
  const { default: eventType } = module
  if (eventType === undefined) throw new EventTypeError(`${path}: expected a default export made by defineEventType; the module has ${Object.keys(module).join(', ') || 'no exports'}`)
  try {
    checkEventType(eventType)
    return eventType
  } catch (error) {
    throw new EventTypeError(`${path}: ${messageOf(error)}`)
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

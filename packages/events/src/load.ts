import { readdir } from 'node:fs/promises'
import { registerHooks } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { eventTypeFrom } from './define.ts'
import type { EventType } from './event-type.ts'
import { EventTypeError } from './event-type-error.ts'
import { EventTypes } from './event-types.ts'

const BUILT_IN = join(import.meta.dirname, 'types')
/** What a user's type imports; it is found wherever the folder lies. */
const PACKAGE = '@sluice/events'
const PACKAGE_URL = pathToFileURL(join(import.meta.dirname, 'index.ts')).href
const MOST_FILES = 1000

/**
 * The built-in event types, and those of a folder of the user's own: one file a type (.ts, .js or .mjs), its default
 * export made by `defineEventType`. Files whose name begins with a dot or an underscore, tests and declarations are left
 * out.
 * @throws EventTypeError that names the file
 */
export async function loadEventTypes(options: { folder?: string } = {}): Promise<EventTypes> {
  const types = await typesIn(BUILT_IN)
  if (!options.folder) return new EventTypes(types.map(({ type }) => type))
  const own = await typesIn(resolve(options.folder))
  refuseTwins([...types, ...own])
  return new EventTypes([...types, ...own].map(({ type }) => type))
}

interface LoadedType {
  path: string
  type: EventType
}

async function typesIn(folder: string): Promise<LoadedType[]> {
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    throw new EventTypeError(
      `SLUICE_EVENT_TYPES: expected a folder of event types; ${folder} cannot be read: ${messageOf(error)}`,
      { cause: error },
    )
  }
  const files = names.filter((name) => /^[^._].*\.(ts|js|mjs)$/.test(name) && !/\.(test|d)\.ts$/.test(name)).sort()
  if (files.length > MOST_FILES)
    throw new EventTypeError(`${folder}: expected at most ${MOST_FILES} event types; ${files.length} files came`)
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === PACKAGE ? { url: PACKAGE_URL, shortCircuit: true } : next(specifier, context),
  })
  try {
    return await Promise.all(files.map((name) => loadFile(join(folder, name))))
  } finally {
    hooks.deregister()
  }
}

async function loadFile(path: string): Promise<LoadedType> {
  let module: Record<string, unknown>
  try {
    module = await import(pathToFileURL(path).href)
  } catch (error) {
    throw new EventTypeError(`${path}: expected a module that can be loaded: ${messageOf(error)}`, { cause: error })
  }
  const { default: exported } = module
  if (exported === undefined)
    throw new EventTypeError(
      `${path}: expected a default export made by defineEventType; the module has ${Object.keys(module).join(', ') || 'no exports'}`,
    )
  try {
    return { path, type: eventTypeFrom(exported) }
  } catch (error) {
    throw new EventTypeError(`${path}: ${messageOf(error)}`, { cause: error })
  }
}

/** As `EventTypes` does, but it knows no files. */
function refuseTwins(types: readonly LoadedType[]): void {
  for (const what of ['type', 'table'] as const) {
    const seen = new Map<string, string>()
    for (const { path, type } of types) {
      const other = seen.get(type[what])
      if (other !== undefined)
        throw new EventTypeError(
          `${path}: expected a ${what} of its own; ${JSON.stringify(type[what])} is that of ${other}`,
        )
      seen.set(type[what], path)
    }
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

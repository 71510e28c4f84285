/** Writes the docs page of each event type: `npm run event-docs`. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { docsIndex, docsOf, loadEventTypes } from '@sluice/events'

const folder = join(import.meta.dirname, '../docs/event-types')
const types = [...(await loadEventTypes()).byType.values()]
await mkdir(folder, { recursive: true })
for (const name of await readdir(folder)) await rm(join(folder, name))
for (const type of types) await writeFile(join(folder, `${type.type}.md`), docsOf(type))
await writeFile(join(folder, 'README.md'), docsIndex(types))

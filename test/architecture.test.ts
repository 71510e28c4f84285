import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')

const NAMELESS = /(^|\/)(utils?|common|lib|helpers?|managers?|misc|data2)(\.|\/)/
const LONGEST_FILE_LINES = 400
const LONGEST_MAIN_LINES = 50

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter(Boolean)
const existing = files.filter((file) => {
  try {
    readFileSync(join(ROOT, file))
    return true
  } catch {
    return false
  }
})
const sources = existing.filter((file) => file.endsWith('.ts'))
const inSrc = sources.filter((file) => /^(packages|services)\/[^/]+\/src\//.test(file))
const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const linesOf = (file: string) => textOf(file).trimEnd().split('\n').length

/** Our packages that a source imports, statically or not. */
function importsOf(file: string): string[] {
  return [...textOf(file).matchAll(/(?:from|import)\s*\(?\s*'@sluice\/([a-z0-9-]+)[^']*'/g)].map(
    (match) => match[1] ?? '',
  )
}

/** The table of packages in ARCHITECTURE.md: what each may import of ours, as its last column says. */
function mayImport(): Map<string, readonly string[]> {
  const rows = textOf('ARCHITECTURE.md').matchAll(/^\| (\[.*\(packages\/.*\)) *\|[^|]*\|([^|]*)\|$/gm)
  return new Map(
    [...rows].flatMap(([, links = '', last = '']) => {
      const allowed = last.trim() === '–' ? [] : last.split(',').map((name) => name.trim())
      return linkedIn(links, 'packages').map((name) => [name, allowed] as const)
    }),
  )
}

/** Folders that a text links to: `[events](packages/events)`. */
const linkedIn = (text: string, folder: 'packages' | 'services') =>
  [...text.matchAll(new RegExp(`\\(${folder}/([a-z0-9-]+)\\)`, 'g'))].map(([, name = '']) => name)

const foldersOf = (folder: 'packages' | 'services') =>
  [...new Set(existing.filter((file) => file.startsWith(`${folder}/`)).map((file) => file.split('/')[1] ?? ''))].sort()

describe('architecture', () => {
  it('finds the sources it judges', () => {
    expect(inSrc.length).toBeGreaterThan(50)
    expect(importsOf('packages/store/src/store.ts')).toEqual(['events'])
  })

  it('ARCHITECTURE.md has a row for each package, with packages to import, and no row for what is not there', () => {
    const table = mayImport()
    expect([...table.keys()].sort()).toEqual(foldersOf('packages'))
    expect([...table.values()].flat().filter((name) => !table.has(name))).toEqual([])
    expect(table.get('events')).toEqual([])
    expect(table.get('lake')).toEqual(['delta', 'object-store', 'events'])
  })

  it('ARCHITECTURE.md names only services that are there, and those that are no sink by themselves', () => {
    const named = linkedIn(textOf('ARCHITECTURE.md'), 'services')
    const services = foldersOf('services')
    expect(named.filter((name) => !services.includes(name))).toEqual([])
    expect(services.filter((name) => !name.startsWith('sink-') && !named.includes(name))).toEqual([])
  })

  it('packages import only what their row of the table allows', () => {
    const table = mayImport()
    const wrong = inSrc.flatMap((file) => {
      const [, folder, name] = /^(packages|services)\/([^/]+)\//.exec(file) ?? []
      if (folder !== 'packages' || !name) return []
      const allowed = table.get(name)
      if (!allowed) return [`${file}: package ${name} has no row in the table`]
      return importsOf(file)
        .filter((target) => target !== name && !allowed.includes(target))
        .map((target) => `${file} imports ${target}`)
    })
    expect(wrong).toEqual([])
  })

  it('services import no other service; standalone alone wires them', () => {
    const services = new Set(inSrc.filter((file) => file.startsWith('services/')).map((file) => file.split('/')[1]))
    const wrong = inSrc.flatMap((file) => {
      const [folder, name] = file.split('/')
      if (folder !== 'services' || name === 'standalone') return []
      return importsOf(file)
        .filter((target) => target !== name && services.has(target))
        .map((target) => `${file} imports ${target}`)
    })
    expect(wrong).toEqual([])
  })

  it('relative imports stay inside their package', () => {
    const wrong = inSrc.flatMap((file) => {
      const home = file.split('/').slice(0, 2).join('/')
      return [...textOf(file).matchAll(/from '(\.[^']+)'/g)]
        .map((match) => join(file, '..', match[1] ?? ''))
        .filter((target) => !target.startsWith(`${home}/`))
        .map((target) => `${file} imports ${target}`)
    })
    expect(wrong).toEqual([])
  })

  it('only a main.ts reads the environment', () => {
    const wrong = inSrc.filter((file) => !file.endsWith('/main.ts') && /process\.env\b/.test(textOf(file)))
    expect(wrong).toEqual([])
  })

  it('a main.ts is short enough to learn the service from', () => {
    const wrong = inSrc.filter((file) => file.endsWith('/main.ts') && linesOf(file) > LONGEST_MAIN_LINES)
    expect(wrong).toEqual([])
  })

  it('no source file holds more than one screenful of concepts', () => {
    const wrong = sources.filter((file) => linesOf(file) > LONGEST_FILE_LINES)
    expect(wrong).toEqual([])
  })

  it('every file has a name that says what it is', () => {
    expect(existing.filter((file) => NAMELESS.test(file))).toEqual([])
  })

  it('no hole is cut into the types', () => {
    const hole = /@ts-ignore|@ts-expect-error|\bas any\b|: any\b|\bas unknown as\b/
    const comment = /\/\*[\s\S]*?\*\/|\/\/(?! @ts-).*$/gm
    const wrong = sources.filter(
      (file) => file !== 'test/architecture.test.ts' && hole.test(textOf(file).replaceAll(comment, '')),
    )
    expect(wrong).toEqual([])
  })

  it('no test is skipped without a reason, and nothing is marked unfinished', () => {
    // `context.skip(reason)` and `skipIf` say when and why, and fail where nothing may be skipped (strict-reporter.ts).
    const mark = /\b(?:it|test|describe)(?:\.each\([^)]*\))?\.(?:only|todo|skip)\b|\b(?:TODO|FIXME|XXX)\b/
    const wrong = sources.filter((file) => file !== 'test/architecture.test.ts' && mark.test(textOf(file)))
    expect(wrong).toEqual([])
  })
})

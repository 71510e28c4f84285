import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Versions that go together: the jars are named by Spark's version and have that of the Python package. */
const PACKAGES = [
  'deltalake==1.6.6',
  'pyarrow==26.0.1',
  'duckdb==2.0.1',
  'pyspark==4.1.0',
  'delta-spark==4.1.0',
  'pandas==2.3.3',
]
const JARS = [
  'io.delta:delta-spark_4.1_2.13:4.1.0',
  'io.delta:delta-storage:4.1.0',
  'io.unitycatalog:unitycatalog-client:0.4.0',
]
const JAVA = 'openjdk-17-jre-headless'
const INSTALL_MS = 480_000

/** Where the engines are installed. */
export const INTEROP_HOME = process.env['SLUICE_INTEROP_HOME'] ?? join(homedir(), '.cache', 'sluice-interop')

/** Python with delta-rs, DuckDB and Spark; Spark needs Java, the jars come by Maven. */
export interface Engines {
  python: string
  /** Comma-separated paths, for `spark.jars`. */
  jars: string
}

/**
 * The engines in a folder of their own (`SLUICE_INTEROP_HOME`, default `~/.cache/sluice-interop`), installed on first
 * use, or why they cannot be had.
 */
export async function findEngines(): Promise<({ kind: 'ready' } & Engines) | { kind: 'absent'; reason: string }> {
  const home = INTEROP_HOME
  try {
    await mkdir(home, { recursive: true })
    await installJava()
    return { kind: 'ready', python: await installPython(home), jars: await installJars(join(home, 'jars')) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { kind: 'absent', reason: `delta-rs and Spark cannot be installed: ${message.slice(0, 500)}` }
  }
}

async function installPython(home: string): Promise<string> {
  const venv = join(home, 'venv')
  const python = join(venv, 'bin', 'python')
  const complete = join(home, 'installed')
  const wanted = PACKAGES.join('\n')
  if (existsSync(python) && existsSync(complete)) {
    const { stdout } = await run('cat', [complete])
    if (stdout === wanted) return python
  }
  await rm(venv, { recursive: true, force: true })
  await run('python3', ['-m', 'venv', venv])
  await run(python, ['-m', 'pip', 'install', '--quiet', ...PACKAGES], { timeout: INSTALL_MS })
  await writeFile(complete, wanted)
  return python
}

async function installJava(): Promise<void> {
  if (await works('java', ['-version'])) return
  if (process.getuid?.() !== 0) throw new Error(`Spark needs Java 17 or later: install ${JAVA}`)
  await run('apt-get', ['update', '-qq'], { timeout: INSTALL_MS })
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', JAVA], { timeout: INSTALL_MS })
}

async function installJars(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const names = JARS.map((artifact) => `${artifact.split(':').slice(1).join('-')}.jar`)
  if (names.some((name) => !existsSync(join(folder, name))) && !(await works('mvn', ['--version']))) {
    if (process.getuid?.() !== 0) throw new Error("Delta's jars come by Maven: install maven")
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'maven'], { timeout: INSTALL_MS })
  }
  for (const [at, artifact] of JARS.entries())
    if (!existsSync(join(folder, names[at] ?? '')))
      await run(
        'mvn',
        [
          '-q',
          '-B',
          'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy',
          `-Dartifact=${artifact}`,
          `-DoutputDirectory=${folder}`,
        ],
        { timeout: INSTALL_MS },
      )
  const found = await readdir(folder)
  return names
    .filter((name) => found.includes(name))
    .map((name) => join(folder, name))
    .join(',')
}

async function works(command: string, parameters: string[]): Promise<boolean> {
  try {
    await run(command, parameters)
    return true
  } catch {
    return false
  }
}

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { type Engines, INTEROP_HOME } from './engines.ts'
import type { Bucket } from './lake-folder.ts'

const run = promisify(execFile)

const SPARK = resolve(import.meta.dirname, '../../infra/spark')
const SOURCES = ['pom.xml', 'src']
const LOG_STORE = 'src/main/java/sluice/ConditionalPutLogStore.java'
const BUILD_MS = 480_000
const JOB_MS = 240_000

/** The jars of infra/spark, our log store among them, as its Dockerfile makes them: by Maven, once for each pom.xml. */
async function jobJars(): Promise<string> {
  const sources = await Promise.all(['pom.xml', LOG_STORE].map((name) => readFile(join(SPARK, name), 'utf8')))
  const digest = createHash('sha256').update(sources.join()).digest('hex').slice(0, 12)
  const jars = join(INTEROP_HOME, `spark-jobs-${digest}`)
  if (existsSync(jars)) return jars
  const build = `${jars}.build`
  await rm(build, { recursive: true, force: true })
  await mkdir(build, { recursive: true })
  for (const name of SOURCES) await cp(join(SPARK, name), join(build, name), { recursive: true })
  await run('mvn', ['-q', '-B', '-f', build, 'package'], { timeout: BUILD_MS })
  await rename(join(build, 'target', 'jars'), jars)
  await rm(build, { recursive: true, force: true })
  return jars
}

/** Runs a job of infra/spark on a lake in a bucket, as the profile `spark` does, with two cores. @returns what it prints */
export async function runSparkJob(
  { python }: Engines,
  { endpoint, access_key, secret_key, bucket }: Bucket,
  [job, ...parameters]: readonly [job: string, ...parameters: string[]],
): Promise<string> {
  const { stdout } = await run(python, [join(SPARK, job), ...parameters], {
    timeout: JOB_MS,
    maxBuffer: 16 * 1024 ** 2,
    env: {
      ...process.env,
      S3_ENDPOINT: endpoint,
      S3_ACCESS_KEY: access_key,
      S3_SECRET_KEY: secret_key,
      S3_BUCKET: bucket,
      SPARK_MASTER: 'local[2]',
      SLUICE_JARS: await jobJars(),
      // As in the image: its workers read the raw zone by our module.
      PYTHONPATH: SPARK,
      PYSPARK_PYTHON: python,
      TZ: 'UTC',
      PYTHONDONTWRITEBYTECODE: '1',
    },
  })
  return stdout
}

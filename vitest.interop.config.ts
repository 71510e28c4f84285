import { defineConfig } from 'vitest/config'
import { strictly } from './test/strict-reporter.ts'

/** Our tables read and written by delta-rs and Spark: needs Python and Java. */
export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.interop.test.ts', 'test/**/*.interop.test.ts'],
    pool: 'forks',
    reporters: strictly(),
    maxWorkers: 1,
    fileParallelism: false,
    // What is waited for comes at once on a free machine, and on a busy one in seconds.
    expect: { poll: { timeout: 10_000 } },
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
})

import { defineConfig } from 'vitest/config'
import { strictly } from './test/strict-reporter.ts'

/** The contract suites and the pipeline on real servers (see CONTRIBUTING.md for where they come from). */
export default defineConfig({
  test: {
    include: [
      'packages/*/test/**/*.servers.test.ts',
      'services/*/test/**/*.servers.test.ts',
      'test/**/*.servers.test.ts',
    ],
    pool: 'forks',
    reporters: strictly(),
    maxWorkers: 1,
    fileParallelism: false,
    // What is waited for comes at once on a free machine, and on a busy one in seconds.
    expect: { poll: { timeout: 10_000 } },
    testTimeout: 300_000,
    hookTimeout: 600_000,
  },
})

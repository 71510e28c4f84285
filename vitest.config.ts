import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { strictly } from './test/strict-reporter.ts'

// Workers, and the processes that tests start, need not compile everything again.
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'sluice-compile-cache')

/** Unit, contract and whole-pipeline tests on the embedded lake: offline, nothing but npm. */
export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'services/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/*.servers.test.ts', '**/*.interop.test.ts', '**/node_modules/**'],
    pool: 'forks',
    reporters: strictly(),
    maxWorkers: 3,
    // What is waited for comes at once on a free machine, and on a busy one in seconds.
    expect: { poll: { timeout: 10_000 } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})

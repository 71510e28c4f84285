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
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})

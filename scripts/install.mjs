import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/**
 * Installs what `npm start` and the other commands run on. Runs on the user's own Node, with nothing installed; says what
 * it does on standard error, because a command may print for a file.
 *
 * Every library is as the lock says. The embedded graph database has a package for each platform, and the lock knows those
 * that were to be had when it was made. Elsewhere pnpm looks that one up beside the lock, once for each state of it.
 */
const LOCK = 'pnpm-lock.yaml'
const INSTALLED_FOR = 'node_modules/.installed-for'

const lock = readFileSync(LOCK, 'utf8')
if (lock.includes(`@ladybugdb/core-${process.platform}-${process.arch}@`)) process.exit(install('--frozen-lockfile'))
if (existsSync(INSTALLED_FOR) && readFileSync(INSTALLED_FOR, 'utf8') === lock) process.exit(0)
const status = install('--fix-lockfile')
writeFileSync(LOCK, lock)
if (status === 0) writeFileSync(INSTALLED_FOR, lock)
process.exit(status)

/** @returns the exit code */
function install(flag) {
  const { status, error } = spawnSync('npx', ['--prefer-offline', '-y', 'pnpm@12.21.0', 'install', flag], {
    stdio: ['inherit', 2, 'inherit'],
    // There npx is a script.
    shell: process.platform === 'win32',
  })
  if (error) process.stderr.write(`npx cannot be run: ${error.message}\n`)
  return status ?? 1
}

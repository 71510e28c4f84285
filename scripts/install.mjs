import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/**
 * Installs what `npm start` and the other commands run on. Runs on the user's own Node, with nothing installed; says what
 * it does on standard error, because a command may print for a file.
 *
 * Every library is as the lock says. The embedded graph database has a package a platform, and the lock knows those that
 * were to be had when it was made: elsewhere that package is looked up without the lock, once for each state of the lock.
 */
const PNPM = ['--prefer-offline', '-y', 'pnpm@12.21.0', 'install']
const STAMP = 'node_modules/.installed-for'

const lock = readFileSync('pnpm-lock.yaml', 'utf8')
const locked = lock.includes(`@ladybugdb/core-${process.platform}-${process.arch}@`)
if (locked) install('--frozen-lockfile')
else if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== lock) {
  install('--no-lockfile')
  writeFileSync(STAMP, lock)
}

function install(flag) {
  const { status, error } = spawnSync('npx', [...PNPM, flag], {
    stdio: ['inherit', 2, 'inherit'],
    // There npx is a script.
    shell: process.platform === 'win32',
  })
  if (error) process.stderr.write(`npx cannot be run: ${error.message}\n`)
  if (status !== 0) process.exit(status ?? 1)
}

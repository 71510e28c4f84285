import { type Store, StoreError } from '../store.ts'
import type { FromChild, HostedMethod, PlainError, ToChild } from './host-protocol.ts'

/**
 * The process that a hosted store lives in: opens it, and makes the calls that come. It ends when the parent closes it,
 * and when the parent is gone.
 */

let store: Store | undefined

process.on('message', (message: ToChild) => {
  if (message.kind === 'open') void open(message.module, message.options)
  else if (message.kind === 'call') void call(message.id, message.method, message.args)
  else void close()
})
process.on('disconnect', () => void close())
// The parent decides when it ends; a terminal's Ctrl-C reaches the whole process group.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

async function open(module: string, options: Readonly<Record<string, unknown>>): Promise<void> {
  try {
    const { openStore }: { openStore: (options: unknown) => Promise<Store> } = await import(module)
    store = await openStore(options)
    send({ kind: 'opened' })
  } catch (error) {
    send({ kind: 'refused', error: plain(error) })
  }
}

async function call(id: number, method: HostedMethod, args: readonly unknown[]): Promise<void> {
  try {
    if (!store) throw new StoreError('unreachable', 'the store is not open', { retryable: true })
    send({ kind: 'answer', id, value: await Reflect.apply(store[method], store, args) })
  } catch (error) {
    send({ kind: 'failure', id, error: plain(error) })
  }
}

async function close(): Promise<void> {
  try {
    await store?.close()
    process.exit(0)
  } catch (error) {
    process.stderr.write(`a store could not be closed: ${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(1)
  }
}

function send(message: FromChild): void {
  // A parent that is gone is noticed by 'disconnect'.
  if (process.connected) process.send?.(message)
}

function plain(error: unknown): PlainError {
  if (error instanceof StoreError) return { message: error.message, code: error.code, retryable: error.retryable }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { message, code: 'failed', retryable: false }
}

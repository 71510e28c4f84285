/** Holds back whoever waits until it is opened. */
export interface Gate {
  wait(): Promise<void>
  open(): void
}

export function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { wait: () => promise, open: resolve }
}

import { type Store, StoreError } from '@sluice/store'

export interface EmbeddedGraphOptions {
  /** The store's own folder, made if missing. One process at a time. */
  folder: string
}

/**
 * Opens the embedded graph store: LadybugDB, which is installed only where it has a build for the machine.
 * Errors: `busy` (another process has it open), `corrupt` (cannot be opened: load it anew), `no_space`, `failed`.
 */
export async function openStore({ folder }: EmbeddedGraphOptions): Promise<Store> {
  const { openLadybugStore } = await import('./embedded/ladybug-engine.ts').catch((cause: unknown) => {
    throw new StoreError(
      'failed',
      `the embedded graph database cannot be loaded on ${process.platform}-${process.arch}: install @ladybugdb/core-${process.platform}-${process.arch}, where it exists, or run on servers (docker compose up); all other stores work`,
      { cause },
    )
  })
  return openLadybugStore(folder)
}

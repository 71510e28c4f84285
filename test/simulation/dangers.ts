import type { Random } from './random.ts'

/** How likely each mishap is. Unless said otherwise: at each step. */
export interface Dangers {
  /** A worker dies; another is started later. */
  kill: number
  /** A worker stops for a while (SIGSTOP), perhaps long enough to lose its partitions and to be a zombie. */
  sleep: number
  /** The group declares a live member dead. */
  expel: number
  /** One more worker joins. */
  join: number
  /** The log gets one more partition. */
  grow: number
  /** At each turn: the worker gives up its consumer and takes a new one. */
  reconnect: number
  /** The consumer learns of a rebalance beside a turn. */
  assign_beside: number
  /** Somebody calls the pump's `catchUp` beside a turn. */
  catch_up_beside: number
  /** Somebody in the process reads the ledger anew beside a turn. */
  refresh_beside: number
  /** The ledger's log gets a checkpoint, and what is before it is deleted as far as nobody needs it. */
  clean: number
  /** The ledger's or a table's files are merged into one. */
  compact: number
  /** The store fails for a worker, for a while. */
  outage: number
  /** At each request: it fails before it has an effect. */
  refuse: number
  /** At each look into a data file: it fails. */
  unreadable: number
  /** At each request: it has its effect and the answer is lost. */
  lose_answer: number
  /** At each write: the answer is a timeout, and it has its effect later, perhaps after its sender's death. */
  arrive_late: number
  /** At each poll: the consumer has not heard of a rebalance yet. */
  stale_owner: number
  /** At each poll: records come again that came before. */
  deliver_again: number
  /** At each step: the actors' chances to go next are drawn anew, so that one overtakes the others by far. */
  reweigh: number
}

export const CALM: Dangers = {
  kill: 0,
  sleep: 0,
  expel: 0,
  join: 0,
  grow: 0,
  reconnect: 0,
  assign_beside: 0,
  catch_up_beside: 0,
  refresh_beside: 0,
  clean: 0,
  compact: 0,
  outage: 0,
  refuse: 0,
  unreadable: 0,
  lose_answer: 0,
  arrive_late: 0,
  stale_owner: 0,
  deliver_again: 0,
  reweigh: 0,
}

/** Rates to choose from, one of each a run: most runs lack some mishaps, so that each kind is also seen alone. */
const RATES: { readonly [danger in keyof Dangers]: readonly number[] } = {
  kill: [0, 0, 0.003, 0.015],
  sleep: [0, 0, 0.005, 0.015],
  expel: [0, 0, 0.01, 0.04],
  join: [0, 0.01, 0.03],
  grow: [0, 0, 0.01],
  reconnect: [0, 0, 0.1],
  assign_beside: [0, 0, 0.05],
  catch_up_beside: [0, 0, 0.01],
  refresh_beside: [0, 0, 0.05, 0.2],
  clean: [0, 0, 0, 0.03],
  compact: [0, 0, 0.01, 0.05],
  outage: [0, 0, 0.003],
  refuse: [0, 0, 0.01, 0.05],
  unreadable: [0, 0, 0, 0.15],
  lose_answer: [0, 0, 0.01, 0.1],
  arrive_late: [0, 0, 0.01, 0.1],
  stale_owner: [0, 0.7, 0.95],
  deliver_again: [0, 0, 0.1],
  reweigh: [0, 0.02, 0.1],
}

export function drawDangers(random: Random): Dangers {
  const drawn = { ...CALM }
  for (const danger of Object.keys(RATES) as (keyof Dangers)[]) drawn[danger] = random.pick(RATES[danger])
  return drawn
}

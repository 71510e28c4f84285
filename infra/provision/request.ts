import { TargetError } from './target.ts'

export interface Request {
  method?: 'GET' | 'POST'
  headers?: Readonly<Record<string, string>>
  /** A text and a form are sent as they are, anything else as JSON. */
  body?: FormData | string | object
  /** Answers with these statuses are given back instead of thrown. */
  allowed?: readonly number[]
  signal: AbortSignal
}

/** Longest silence of a server. */
const LONGEST_ANSWER_MS = 30_000
const SHOWN_CHARACTERS = 400
/** Busy, starting, or a proxy before a server that is not there. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504])

/**
 * One call. Gives back JSON (`undefined` for none) of an answer below 400.
 * @throws TargetError; it tells the server's words, and nothing that was sent
 */
export async function request(
  url: string,
  { method = 'GET', headers, body, allowed, signal }: Request,
): Promise<unknown> {
  const plain = body === undefined || typeof body === 'string' || body instanceof FormData
  let answer: Response
  let text: string
  try {
    answer = await fetch(url, {
      method,
      headers: { accept: 'application/json', ...(plain ? {} : { 'content-type': 'application/json' }), ...headers },
      body: plain ? body : JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(LONGEST_ANSWER_MS)]),
    })
    text = await answer.text()
  } catch (cause) {
    throw new TargetError('away', `${place(url)} does not answer: ${reasonOf(cause)}`, { cause })
  }
  if (answer.status >= 400 && !allowed?.includes(answer.status))
    throw new TargetError(
      PASSING.has(answer.status) ? 'away' : 'refused',
      `${place(url)} answered ${answer.status}: ${text.slice(0, SHOWN_CHARACTERS)}`,
    )
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch (cause) {
    throw new TargetError('away', `${place(url)} answered no JSON: ${text.slice(0, SHOWN_CHARACTERS)}`, { cause })
  }
}

export const basic = (username: string, password: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
})

/** A value of an answer by its path, or undefined: `valueAt(answer, 'orgs', 0, 'id')`. */
export function valueAt(answer: unknown, ...path: readonly (string | number)[]): unknown {
  let value = answer
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, step)
  }
  return value
}

const place = (url: string): string => new URL(url).host + new URL(url).pathname

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
}

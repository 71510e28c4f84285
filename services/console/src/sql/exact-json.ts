declare global {
  interface JSON {
    /** ECMAScript's JSON.parse source text access proposal, in V8 since 11.4. */
    rawJSON(text: string): unknown
    parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown
  }
}

/** Parses JSON so that `JSON.stringify` gives every number back digit by digit, also those that a double can't hold. */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, (_key: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' && source !== undefined && source !== String(value) ? JSON.rawJSON(source) : value,
  )
}

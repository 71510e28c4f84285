/** A definition that cannot be: the message says where, what was expected, and what came. */
export class EventTypeError extends Error {
  readonly code = 'invalid_event_type'
  readonly retryable = false
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'EventTypeError'
  }
}

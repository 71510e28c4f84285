/** The log's topic for events. */
export const EVENTS_TOPIC = 'events'

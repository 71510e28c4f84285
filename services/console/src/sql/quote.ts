/** A name, and a text, as SQL writes them. A text may hold NUL. */
export { identifier as quoted, literal } from '@sluice/lake'

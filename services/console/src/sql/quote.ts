/** A name, and a text, as SQL writes them (a text may hold NUL), and the files that a `read_…` function reads. */
export { fileList, identifier as quoted, literal } from '@sluice/lake'

// One implementation under both module systems, so that classes and errors are the same whoever imports them.
export * from './index.js'
export { Turnwire as default } from './index.js'

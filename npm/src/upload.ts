import { argumentsJson, known } from './arguments.js'
import { answerOf, calledAt, perform, valueOf } from './call.js'
import { bytesOf, type Content, piecesOf, type Pieces } from './content.js'
import { abortError } from './failure.js'
import { outcome } from './hub.js'
import type { FileEntry } from './models.js'
import type { NativeClient, NativeUpload } from './native.js'
import { type RequestOptions, requestOptionsJson } from './options.js'
import type { Answer } from './promise.js'

/** The parameters of `upload`. */
export interface UploadParams {
  /** The chat. */
  id: string
  /** The file's content. */
  content: Content
}

/** The size of a piece that crosses the border; larger ones are split. */
const SLICE = 64 * 1024

/** Uploads a file, whole or in pieces as fast as the request accepts them. */
export async function upload(
  client: NativeClient,
  filePath: string,
  params: UploadParams,
  options: RequestOptions = {},
): Promise<Answer<FileEntry>> {
  const caller: { stack?: string } = {}
  Error.captureStackTrace(caller)
  let pieces: Pieces | undefined
  let broken: { thrown: unknown } | undefined
  try {
    const names = { id: true, content: true } as const
    const { id, content } = known('upload', params, names, 'upload(path, { id, content })')
    const given = argumentsJson({ id, filePath })
    const optionsJson = requestOptionsJson(options, 'files.upload')
    const { signal } = options
    if (signal?.aborted) throw abortError(signal.reason)
    const whole = bytesOf(content)
    pieces = whole === undefined ? piecesOf(content) : undefined
    const native = pieces && client.upload()
    const task =
      native === undefined
        ? client.start('files.upload', given, optionsJson, whole)
        : client.startUpload(native, given, optionsJson)
    if (pieces !== undefined && native !== undefined) {
      feed(native, pieces).catch((thrown: unknown) => {
        broken = { thrown }
        native.fail()
      })
    }
    const done = await perform(task, signal)
    return answerOf(valueOf<FileEntry>(done), done)
  } catch (error) {
    // Throw the error of the source, not the resulting error of the request.
    throw broken === undefined ? calledAt(error, caller.stack) : broken.thrown
  } finally {
    pieces?.leave()
  }
}

/** Passes on the pieces, each once there is room for it. Stops when the request has ended, for whatever reason. */
async function feed(native: NativeUpload, pieces: Pieces): Promise<void> {
  // The first half of a character whose second half comes with the next piece.
  let half = ''
  for (;;) {
    const piece = await pieces.next()
    if (piece === undefined) break
    const text = typeof piece === 'string' ? half + piece : undefined
    if (text === undefined && half !== '') bytesOf(half)
    half = text === undefined ? '' : (/[\uD800-\uDBFF]$/.exec(text)?.[0] ?? '')
    const bytes = bytesOf(text === undefined ? piece : text.slice(0, text.length - half.length)) as Uint8Array
    for (let at = 0; at < bytes.length; at += SLICE) {
      await outcome(native.push(bytes.subarray(at, at + SLICE)), () => false)
      if (native.isOver) return
    }
  }
  bytesOf(half)
  native.end()
}

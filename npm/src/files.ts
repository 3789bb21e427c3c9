import { ReadableStream } from 'node:stream/web'
import { known, type Names } from './arguments.js'
import { call, perform, responseOf, valueOf } from './call.js'
import { abortError } from './failure.js'
import type { FileEntry, FileList } from './models.js'
import type { NativeClient, NativeOutcome, NativeTask } from './native.js'
import type { RequestOptions } from './options.js'
import { APIPromise } from './promise.js'
import { onAbortOf } from './signal.js'
import { upload, type UploadParams } from './upload.js'

const CHAT: Names<{ id: string }> = { id: true }

/** The files of a chat's workspace. */
export class Files {
  readonly #native: NativeClient

  constructor(native: NativeClient) {
    this.#native = native
  }

  /** All files, with paths relative to the workspace. */
  list(id: string, options?: RequestOptions): APIPromise<FileList> {
    return new APIPromise(call(this.#native, 'files.list', () => ({ id }), options, valueOf<FileList>))
  }

  /** Downloads a file as a `Response`; its bytes are read on demand by `.body`, `.text()`, `.arrayBuffer()`. */
  download(filePath: string, params: { id: string }, options?: RequestOptions): APIPromise<Response> {
    const read = (done: NativeOutcome) => fileOf(done, options?.signal)
    const args = () => ({ ...known('download', params, CHAT, 'download(path, { id })'), filePath })
    return new APIPromise(call(this.#native, 'files.download', args, options, read))
  }

  /**
   * Writes a file atomically; only our own server supports it. A source in pieces is sent as it is read; more than 1 MiB
   * is not sent again if sending failed. An error of the source rejects the promise.
   */
  upload(filePath: string, params: UploadParams, options?: RequestOptions): APIPromise<FileEntry> {
    return new APIPromise(upload(this.#native, filePath, params, options))
  }

  /** Deletes a file; only our own server supports it. */
  delete(filePath: string, params: { id: string }, options?: RequestOptions): APIPromise<void> {
    const args = () => ({ ...known('delete', params, CHAT, 'delete(path, { id })'), filePath })
    return new APIPromise(call(this.#native, 'files.delete', args, options, () => undefined))
  }
}

/**
 * A file while it is downloaded. An abort closes the socket at once, also while nothing is read; an abandoned body is
 * closed when it is garbage-collected, however long the signal lives.
 */
function fileOf(done: NativeOutcome, signal: AbortSignal | null | undefined): Response {
  const file = done.download!
  let chunk: NativeTask | undefined
  const stop = () => {
    chunk?.cancel()
    file.close()
  }
  const end = { unlisten: () => {} }
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        end.unlisten = onAbortOf(controller, signal, (left) => {
          stop()
          left.error(abortError(signal?.reason))
        })
      },
      async pull(controller) {
        chunk = file.chunk()
        try {
          const { body } = await perform(chunk, signal)
          if (body !== undefined) return controller.enqueue(body)
          controller.close()
        } catch (error) {
          end.unlisten()
          throw error
        }
        end.unlisten()
      },
      cancel() {
        end.unlisten()
        stop()
      },
    },
    // Nothing is read ahead of the reader.
    { highWaterMark: 0 },
  )
  return new Response(body, responseOf(done))
}

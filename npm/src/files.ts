import { known, type Names } from './arguments.js'
import { call, perform, responseOf, valueOf } from './call.js'
import type { FileEntry, FileList } from './models.js'
import type { NativeClient, NativeOutcome, NativeTask } from './native.js'
import type { RequestOptions } from './options.js'
import { APIPromise } from './promise.js'

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

  /** A file as a `Response`: its bytes come as they are asked for, by `.body`, `.text()`, `.arrayBuffer()`. */
  download(filePath: string, params: { id: string }, options?: RequestOptions): APIPromise<Response> {
    const read = (done: NativeOutcome) => fileOf(done, options?.signal)
    const args = () => ({ ...known('download', params, CHAT, 'download(path, { id })'), filePath })
    return new APIPromise(call(this.#native, 'files.download', args, options, read))
  }

  /** Writes a file; our own server. */
  upload(
    filePath: string,
    params: { id: string; content: string | Uint8Array | ArrayBuffer | Blob },
    options?: RequestOptions,
  ): APIPromise<FileEntry> {
    const send = async () => {
      const names = { id: true, content: true } as const
      const { id, content } = known('upload', params, names, 'upload(path, { id, content })')
      const bytes = await bytesOf(content)
      return call(this.#native, 'files.upload', () => ({ id, filePath }), options, valueOf<FileEntry>, bytes)
    }
    return new APIPromise(send())
  }

  /** Removes a file; our own server. */
  delete(filePath: string, params: { id: string }, options?: RequestOptions): APIPromise<void> {
    const args = () => ({ ...known('delete', params, CHAT, 'delete(path, { id })'), filePath })
    return new APIPromise(call(this.#native, 'files.delete', args, options, () => undefined))
  }
}

async function bytesOf(content: string | Uint8Array | ArrayBuffer | Blob): Promise<Uint8Array> {
  if (typeof content === 'string') return new TextEncoder().encode(content)
  if (content instanceof Uint8Array) return content
  return new Uint8Array(content instanceof Blob ? await content.arrayBuffer() : content)
}

function fileOf(done: NativeOutcome, signal: AbortSignal | null | undefined): Response {
  const file = done.download!
  let chunk: NativeTask | undefined
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        chunk = file.chunk()
        const { body } = await perform(chunk, signal)
        if (body === undefined) controller.close()
        else controller.enqueue(body)
      },
      cancel() {
        chunk?.cancel()
        file.close()
      },
    },
    // Nothing is read ahead of the reader.
    { highWaterMark: 0 },
  )
  return new Response(body, responseOf(done))
}

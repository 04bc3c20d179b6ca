/** Files of a message on the disk, while the message is handled. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Attachment } from '../../adapter.ts';

export class UploadedFiles {
  readonly #files: {
    readonly name: string;
    readonly stream: Readable;
    readonly handle: Promise<FileHandle>;
    readonly write: Promise<void>;
  }[] = [];

  /** Begins to write a file. */
  add(name: string, stream: Readable): void {
    const handle = openUnnamed();
    const write = handle.then((file) => writeAll(stream, file));
    // Whoever awaits written() gets the error.
    write.catch(() => undefined);
    this.#files.push({ name, stream, handle, write });
  }

  /** Resolves when all files are written. */
  async written(): Promise<void> {
    await Promise.all(this.#files.map(({ write }) => write));
  }

  get attachments(): Attachment[] {
    return this.#files.map(({ name, handle }) => ({ name, read: async () => readAll(await handle) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { stream, handle, write } of this.#files) {
      // A form that is refused half-way does not end its files.
      stream.destroy();
      await write.catch(() => undefined);
      await handle.then((file) => file.close()).catch(() => undefined);
    }
  }
}

/** A file without a name: whatever happens to this process, nobody's photos are left on the disk. */
async function openUnnamed(): Promise<FileHandle> {
  const path = join(tmpdir(), `darkroom-upload-${randomUUID()}`);
  const handle = await open(path, 'wx+', 0o600);
  await unlink(path);
  return handle;
}

async function writeAll(stream: Readable, file: FileHandle): Promise<void> {
  for await (const chunk of stream) {
    for (let rest = chunk as Buffer; rest.length > 0; ) {
      rest = rest.subarray((await file.write(rest)).bytesWritten);
    }
  }
}

async function readAll(handle: FileHandle): Promise<Uint8Array> {
  const { size } = await handle.stat();
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await handle.read(bytes, at, size - at, at);
    if (bytesRead === 0) throw new Error('an uploaded file is shorter than it was');
    at += bytesRead;
  }
  return bytes;
}

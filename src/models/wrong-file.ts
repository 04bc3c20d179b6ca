/** Files that are not what their name says: what a failed or unfinished download leaves behind. */

const LFS_POINTER = 'version https://git-lfs.github.com/spec/';
/** Beginnings of a web page, in lower case, behind any white space. */
const PAGE = /^\s*<(!doctype html|html|head|body|\?xml|!--)/;
/** Suffixes that browsers and downloaders give to a file that is not finished. */
export const UNFINISHED = /\.(part|partial|incomplete|crdownload|download|aria2|tmp)$/i;

/** Bytes of a file's beginning that describeWrongFile needs. */
export const BEGINNING = 512;

/**
 * @param beginning of the file
 * @param folder of the model, for the command that gets the real file
 * @returns what the file is and how to get the real one, as the end of a sentence that begins with its name; undefined
 *   where it is none of the known mistakes
 */
export function describeWrongFile(beginning: Uint8Array, folder: string): string | undefined {
  const text = Buffer.from(beginning.buffer, beginning.byteOffset, beginning.length).toString('latin1');
  if (text.startsWith(LFS_POINTER)) {
    const size = /^size (\d+)$/m.exec(text)?.[1];
    const of = size === undefined ? '' : ` to a file of ${size} bytes`;
    return `is only a Git LFS pointer${of}. ${howToDownload(folder, 'Run "git lfs pull" in the folder of the model')}`;
  }
  if (PAGE.test(text.toLowerCase())) {
    return `is a web page: the download was answered with a page, often one that asks to log in. ${howToDownload(folder)}`;
  }
  if (/^\s*\{\s*"(error|message|detail)"/.test(text)) {
    return `is the error message of a server: the download failed. ${howToDownload(folder)}`;
  }
  if (text.startsWith('GGUF')) {
    return 'is a GGUF file and no safetensors file. Use the model as safetensors.';
  }
  return undefined;
}

/** @param otherwise what to do where the folder does not tell which repository it is of */
export function howToDownload(folder: string, otherwise = 'Download the file again'): string {
  const repository = /(?:^|[/\\])models--([^/\\]+?)--([^/\\]+)[/\\]snapshots[/\\]/.exec(`${folder}/`);
  return repository === null
    ? `${otherwise}.`
    : `Run "hf download ${repository[1]}/${repository[2]} --force-download".`;
}

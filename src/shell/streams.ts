/** Standard output and error that somebody closed or that cannot be written: no crash, and no stack trace. */

/** Reasons of the system, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EIO: 'the device reported an error',
};

/**
 * A reader that has enough (`| head`) ends nothing: the work goes on, and its exit code stands. What cannot be written
 * for another reason is said once on stderr.
 * @param onLost called once where output is lost that nobody gave up
 */
export function watchStreams(onLost: () => void): void {
  let isSaid = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || isSaid) return;
    isSaid = true;
    const { code = '' } = error;
    const reason = Object.hasOwn(REASONS, code)
      ? REASONS[code]
      : `the system answered ${code || 'with an error'}`;
    process.stderr.write(`darkroom: The output cannot be written: ${reason}.\n`);
    onLost();
  });
  // Nobody can be told.
  process.stderr.on('error', () => undefined);
}

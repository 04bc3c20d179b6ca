/** The memory that this machine has free. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Of the machine, or of the container where that has a limit of its own. */
export async function freeMemory(root = '/'): Promise<number> {
  const available = await availableBytes(root);
  const limits = await Promise.all((await controlGroups(root)).map(leftInGroup));
  return Math.max(0, Math.min(available, ...limits.filter((bytes) => bytes !== undefined)));
}

async function availableBytes(root: string): Promise<number> {
  const text = await read(join(root, 'proc/meminfo'));
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(text ?? '')?.[1];
  // Not Linux.
  return kibibytes === undefined ? process.availableMemory() : Number(kibibytes) * 1024;
}

/** The folders of this process's control groups, from its own up to the root (man 7 cgroups, versions 1 and 2). */
async function controlGroups(root: string): Promise<string[]> {
  const lines = ((await read(join(root, 'proc/self/cgroup'))) ?? '').split('\n');
  const folders: string[] = [];
  for (const line of lines) {
    const [, controllers, path] = line.split(':');
    if (path === undefined || !(controllers === '' || controllers!.split(',').includes('memory'))) continue;
    const base = join(root, 'sys/fs/cgroup', controllers === '' ? '' : 'memory');
    const parts = path.split('/').filter((part) => part !== '');
    for (let depth = parts.length; depth >= 0; depth--) folders.push(join(base, ...parts.slice(0, depth)));
  }
  return folders;
}

/** What a group's limit leaves. Files that were read count as used there, but the system gives them up first. */
async function leftInGroup(folder: string): Promise<number | undefined> {
  const number = async (...names: string[]) => {
    for (const name of names) {
      const text = await read(join(folder, name));
      if (text !== undefined && /^\d+\s*$/.test(text)) return Number(text);
    }
    return undefined;
  };
  const limit = await number('memory.max', 'memory.limit_in_bytes');
  const used = await number('memory.current', 'memory.usage_in_bytes');
  if (limit === undefined || used === undefined) return undefined;
  const stat = (await read(join(folder, 'memory.stat'))) ?? '';
  const files = ['inactive_file', 'active_file'].reduce(
    (sum, name) => sum + Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0),
    0,
  );
  return limit - used + files;
}

async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** The graphics devices that WebGPU may find, before any driver is loaded. Only Linux says so in files. */
import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { basename, join } from 'node:path';

export interface GraphicsDevice {
  /** Of PCI, such as 10de and 2684. */
  readonly vendor: string;
  readonly model: string;
  /** Within the processor, with the machine's own memory. */
  readonly isIntegrated: boolean;
}

/** Vendors with a Vulkan driver that computes; virtual and servers' display chips have none. */
const VENDORS: Readonly<Record<string, { readonly name: string; readonly drivers: string }>> = {
  '10de': { name: 'NVIDIA', drivers: '*nvidia*,*nouveau*' },
  '1002': { name: 'AMD', drivers: '*radeon*,*amd*' },
  '8086': { name: 'Intel', drivers: '*intel*' },
};
/** PCI's class of display controllers. */
const DISPLAY = /^0x03/;
/** Bytes of its own from which an AMD device counts as a card. */
const OWN_MEMORY = 4 * 2 ** 30;

/**
 * Cards first, then integrated ones, each by their places on the bus: 0 is what the driver prefers as well.
 * @param root of the file system, for tests
 */
export async function listGraphics(root = '/'): Promise<GraphicsDevice[]> {
  const found: GraphicsDevice[] = [];
  for (const folder of globSync('sys/bus/pci/devices/*', { cwd: root }).toSorted()) {
    const read = (name: string) =>
      readFile(join(root, folder, name), 'utf8').then(
        (text) => text.trim(),
        () => '',
      );
    const vendor = (await read('vendor')).replace(/^0x/, '');
    if (!DISPLAY.test(await read('class')) || !Object.hasOwn(VENDORS, vendor)) continue;
    const own = Number(await read('mem_info_vram_total'));
    const isIntegrated =
      (vendor === '8086' && basename(folder).startsWith('0000:00:')) ||
      (vendor === '1002' && own < OWN_MEMORY);
    found.push({ vendor, model: (await read('device')).replace(/^0x/, ''), isIntegrated });
  }
  return found.toSorted((a, b) => Number(a.isIntegrated) - Number(b.isIntegrated));
}

export const titleOf = ({ vendor, isIntegrated }: GraphicsDevice) =>
  `${VENDORS[vendor]!.name}${isIntegrated ? ' (integrated)' : ''}`;

/**
 * What makes the Vulkan loader and Mesa offer this device alone: onnxruntime itself always takes the first of the fastest
 * kind. VK_LOADER_DRIVERS_SELECT is the loader's (docs/LoaderDriverInterface.md), the others are of Mesa's layer
 * (docs/envvars.rst).
 */
export const selectionOf = ({ vendor, model }: GraphicsDevice): Record<string, string> => ({
  VK_LOADER_DRIVERS_SELECT: VENDORS[vendor]!.drivers,
  MESA_VK_DEVICE_SELECT: `${vendor}:${model}`,
  MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: '1',
});

/** Changes with the devices, the system, and the Vulkan drivers that are installed. */
export async function graphicsVersion(): Promise<string> {
  const chosen = [process.env['VK_DRIVER_FILES'], process.env['VK_ICD_FILENAMES']].join();
  const manifests = globSync('{/usr/share,/etc,/usr/local/share}/vulkan/icd.d/*.json').toSorted();
  const times = await Promise.all(manifests.map(async (file) => [file, (await stat(file)).mtimeMs]));
  const all = JSON.stringify([release(), chosen, times, await listGraphics()]);
  return createHash('sha256').update(all).digest('hex').slice(0, 12);
}

/** Drivers that compute on the processor, and those of devices, by the names of their libraries. */
const SOFTWARE = /lib(vulkan_lvp|vk_swiftshader)\S*\.so/;
const HARDWARE = /lib(vulkan_(radeon|intel|intel_hasvk|nouveau)|GLX_nvidia|nvidia-vulkan|amdvlk)\S*\.so/;

/**
 * Whether only software can be what this process draws with.
 * @param libraries that are loaded, as /proc/self/maps lists them; empty elsewhere than on Linux
 */
export function isSoftware(libraries: string, devices: readonly GraphicsDevice[]): boolean {
  if (!SOFTWARE.test(libraries)) return false;
  return !HARDWARE.test(libraries) || devices.length === 0;
}

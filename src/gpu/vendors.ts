/**
 * Where the vendors publish the CUDA libraries: onnxruntime's provider on NuGet, the source of onnxruntime-node's own
 * install script, and NVIDIA's redistributables, which JSON manifests list with their hashes
 * (docs.nvidia.com/cuda/cuda-installation-guide-linux, "Redistributables").
 */
import { z } from 'zod';
import { DarkroomError } from '../errors.ts';
import { type Download, requestJson } from './wheel-index.ts';

export interface Vendors {
  /** NuGet's service index. */
  readonly nuget: string;
  /** Folders of NVIDIA that hold redistrib_VERSION.json. */
  readonly cuda: string;
  readonly cudnn: string;
}

export const VENDORS: Vendors = {
  nuget: 'https://api.nuget.org/v3/index.json',
  cuda: 'https://developer.download.nvidia.com/compute/cuda/redist',
  cudnn: 'https://developer.download.nvidia.com/compute/cudnn/redist',
};

export interface SizedDownload {
  readonly file: Download;
  readonly bytes: number;
}

const PROVIDER = 'Microsoft.ML.OnnxRuntime.Gpu.Linux';
/** The last release of each major version that was there when this was written: any of the same major does. */
const CUDA_RELEASES: Readonly<Record<number, string>> = { 12: '12.9.1', 13: '13.0.2' };
const CUDNN_RELEASE = '9.13.0';
/** What the provider and cuDNN open, as the manifests name it. */
const PARTS = ['cuda_cudart', 'cuda_nvrtc', 'libcublas', 'libcufft', 'libcurand'];
const PLATFORM = 'linux-x86_64';

const ServiceIndex = z.object({ resources: z.array(z.object({ '@id': z.url(), '@type': z.string() })) });
const RegistrationLeaf = z.object({ packageContent: z.url(), catalogEntry: z.url() });
const CatalogLeaf = z.object({
  packageHash: z.base64(),
  packageHashAlgorithm: z.literal('SHA512'),
  packageSize: z.number().int().positive(),
});
const Archive = z.object({
  relative_path: z.string().regex(/^[\w./+-]+\.tar\.xz$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.coerce.number().int().positive(),
});
const Part = z.object({ version: z.string(), [PLATFORM]: Archive });
const VariantPart = z.object({ version: z.string(), [PLATFORM]: z.record(z.string(), Archive) });

/** The package that holds the provider, with the hash of NuGet's catalogue. */
export async function findProvider(nuget: string, version: string): Promise<SizedDownload> {
  const { resources } = await requestJson(nuget, ServiceIndex);
  const registrations = resources.find((one) => one['@type'].startsWith('RegistrationsBaseUrl'))?.['@id'];
  if (registrations === undefined) {
    throw new DarkroomError('not_found', `${nuget} lists no packages. Use --index URL or --from FOLDER.`);
  }
  const base = registrations.replace(/\/*$/, '/');
  const leaf = await requestJson(`${base}${PROVIDER.toLowerCase()}/${version}.json`, RegistrationLeaf);
  const { packageHash, packageSize } = await requestJson(leaf.catalogEntry, CatalogLeaf);
  const hash = Buffer.from(packageHash, 'base64').toString('hex');
  const file = { name: PROVIDER, version, url: leaf.packageContent, algorithm: 'sha512' as const, hash };
  return { file, bytes: packageSize };
}

/** The archives of NVIDIA's libraries for a major version of CUDA. */
export async function findLibraries(vendors: Vendors, major: number): Promise<SizedDownload[]> {
  const release = Object.hasOwn(CUDA_RELEASES, major) ? CUDA_RELEASES[major] : undefined;
  if (release === undefined) {
    throw new DarkroomError(
      'unsupported',
      `onnxruntime's provider needs CUDA ${major}, which this version does not fetch. Use --index URL or --from FOLDER.`,
    );
  }
  const shape = z.object(Object.fromEntries(PARTS.map((part) => [part, Part])));
  const manifest = await requestJson(`${vendors.cuda}/redistrib_${release}.json`, shape);
  const found = Object.entries(manifest).map(([name, part]) =>
    sized(vendors.cuda, name, part.version, part[PLATFORM]),
  );
  const variants = await requestJson(
    `${vendors.cudnn}/redistrib_${CUDNN_RELEASE}.json`,
    z.object({ cudnn: VariantPart }),
  );
  const { version, [PLATFORM]: archives } = variants.cudnn;
  const archive = Object.hasOwn(archives, `cuda${major}`) ? archives[`cuda${major}`] : undefined;
  if (archive === undefined) {
    throw new DarkroomError(
      'not_found',
      `NVIDIA's cuDNN ${version} has no build for CUDA ${major}. Use --index URL or --from FOLDER.`,
    );
  }
  return [...found, sized(vendors.cudnn, 'cudnn', version, archive)];
}

function sized(base: string, name: string, version: string, archive: z.infer<typeof Archive>): SizedDownload {
  const url = `${base}/${archive.relative_path}`;
  return { file: { name, version, url, algorithm: 'sha256', hash: archive.sha256 }, bytes: archive.size };
}

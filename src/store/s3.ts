/** Pictures in S3 or what speaks like it. Keys and region come from the SDK's own environment. */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { DarkroomError } from '../errors.ts';
import type { PictureBytes } from './pictures.ts';

/**
 * @param address `s3://bucket/prefix`; AWS_ENDPOINT_URL_S3 names a server other than Amazon's
 * @throws DarkroomError('misconfigured') where the bucket cannot be reached
 */
export async function openS3(address: string): Promise<PictureBytes> {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)\/?(.*?)\/?$/.exec(address) ?? [];
  if (bucket === undefined) {
    throw new DarkroomError('misconfigured', `DARKROOM_PICTURES ${address} must be like s3://bucket/prefix.`);
  }
  const endpoint = process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
  // Other servers than Amazon's rarely have a name for each bucket.
  const client = new S3Client({ forcePathStyle: endpoint !== undefined, maxAttempts: 3 });
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }));
  } catch (cause) {
    throw new DarkroomError(
      'misconfigured',
      `The bucket ${bucket} of DARKROOM_PICTURES cannot be reached. Check its name, AWS_REGION and the AWS keys.`,
      { cause },
    );
  }
  const keyOf = (id: string) => (prefix === '' ? `${id}.png` : `${prefix}/${id}.png`);
  return {
    async write(id, bytes) {
      await client.send(
        new PutObjectCommand({ Bucket: bucket, Key: keyOf(id), Body: bytes, ContentType: 'image/png' }),
      );
    },
    async read(id) {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: keyOf(id) }));
        return await Body?.transformToByteArray();
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },
    async delete(id) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: keyOf(id) }));
    },
  };
}
